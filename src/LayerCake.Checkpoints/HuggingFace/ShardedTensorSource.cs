using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Checkpoints;

/// <summary>The tensors of several files as one source, file after file.</summary>
internal sealed class ShardedTensorSource : ITensorSource
{
    private readonly Dictionary<string, ITensorSource> _shardOf = new(StringComparer.Ordinal);

    /// <param name="path">The folder, as errors name it.</param>
    /// <param name="shards">Owned from here on, also when the constructor throws.</param>
    public ShardedTensorSource(string path, IReadOnlyList<ITensorSource> shards)
    {
        Path = path;
        Shards = shards;
        foreach (var shard in shards)
        {
            foreach (var tensor in shard.Tensors)
            {
                if (!_shardOf.TryAdd(tensor.Name, shard))
                {
                    var first = _shardOf[tensor.Name].Path;
                    Dispose();
                    throw new CheckpointException(
                        $"{path}: tensor '{tensor.Name}' is in {System.IO.Path.GetFileName(first)} and in {System.IO.Path.GetFileName(shard.Path)}. Remove the file that does not belong to the model (an old shard or a second copy of the weights).");
                }
            }
        }

        Tensors = [.. shards.SelectMany(shard => shard.Tensors)];
    }

    public string Path { get; }

    public IReadOnlyList<ITensorSource> Shards { get; }

    public IReadOnlyList<TensorInfo> Tensors { get; }

    public ITensorSource? ShardOf(string name) => _shardOf.GetValueOrDefault(name);

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        tensor = null;
        return _shardOf.TryGetValue(name, out var shard) && shard.TryFind(name, out tensor);
    }

    public void Read(string name, long byteOffset, Span<byte> destination)
    {
        if (!_shardOf.TryGetValue(name, out var shard))
        {
            throw TensorReading.Absent(this, name);
        }

        shard.Read(name, byteOffset, destination);
    }

    public void Dispose()
    {
        foreach (var shard in Shards)
        {
            shard.Dispose();
        }
    }
}
