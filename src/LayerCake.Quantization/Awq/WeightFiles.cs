using System.Text.Json;
using LayerCake.Checkpoints;

namespace LayerCake.Quantization.Awq;

/// <summary>Writes tensors into one or several files of either format, each tensor to the file that has its place.</summary>
internal sealed class WeightFiles : IDisposable
{
    private readonly string _folder;
    private readonly WeightFormat _format;
    private readonly IReadOnlyList<TensorInfo> _tensors;
    private readonly Dictionary<string, int> _shardOf = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];
    private readonly List<SafetensorsWriter> _safetensors = [];
    private readonly List<TorchArchiveWriter> _torch = [];

    /// <summary>Creates all files: their headers and sizes are known before the first tensor is.</summary>
    public WeightFiles(string folder, WeightFormat format, IReadOnlyList<TensorInfo> tensors, long maxShardBytes)
    {
        (_folder, _format, _tensors) = (folder, format, tensors);
        var shards = AwqLayout.Shards(tensors, maxShardBytes);
        try
        {
            for (var shard = 0; shard < shards.Count; shard++)
            {
                foreach (var tensor in shards[shard])
                {
                    _shardOf.Add(tensor.Name, shard);
                }

                _names.Add(ShardNames.Shard(format, shard + 1, shards.Count));
                Create(Path.Combine(folder, _names[shard]), shards[shard]);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Appends to a tensor. Different tensors may be written by different threads.</summary>
    public void Write(string name, ReadOnlySpan<byte> bytes)
    {
        if (_format == WeightFormat.Safetensors)
        {
            _safetensors[_shardOf[name]].WriteChunk(name, bytes);
        }
        else
        {
            _torch[_shardOf[name]].WriteChunk(name, bytes);
        }
    }

    /// <summary>Closes all files and writes the index where there are several.</summary>
    public void Complete()
    {
        _safetensors.ForEach(writer => writer.Complete());
        _torch.ForEach(writer => writer.Complete());
        if (_names.Count > 1)
        {
            WriteIndex();
        }
    }

    public void Dispose()
    {
        _safetensors.ForEach(writer => writer.Dispose());
        _torch.ForEach(writer => writer.Dispose());
    }

    private void Create(string path, IReadOnlyList<TensorInfo> tensors)
    {
        if (_format == WeightFormat.Safetensors)
        {
            _safetensors.Add(SafetensorsWriter.Create(path, tensors, new Dictionary<string, string> { ["format"] = "pt" }));
        }
        else
        {
            _torch.Add(TorchArchiveWriter.Create(path, TorchLayout.Flat(tensors)));
        }
    }

    /// <summary>As Transformers writes it: two spaces of indentation, keys sorted.</summary>
    private void WriteIndex()
    {
        using var stream = File.Create(Path.Combine(_folder, ShardNames.Index(_format)));
        using (var json = new Utf8JsonWriter(stream, AwqConfigurationFile.Style))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", _tensors.Sum(tensor => tensor.ByteCount));
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach (var (name, shard) in _shardOf.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                json.WriteString(name, _names[shard]);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        stream.Write("\n"u8);
    }
}
