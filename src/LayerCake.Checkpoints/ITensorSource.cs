using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Checkpoints;

/// <summary>
/// Named tensors that are read one at a time, straight from disk into memory the caller owns.
/// Safe for concurrent reads. Bytes are little-endian, row-major (C order), whatever the source's own layout.
/// </summary>
public interface ITensorSource : IDisposable
{
    /// <summary>The file or folder, as errors name it.</summary>
    string Path { get; }

    /// <summary>All tensors in the source's own order (header order; for shards, shard by shard in file-name order).</summary>
    IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Looks a tensor up by its exact name.</summary>
    bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor);

    /// <summary>Reads <c>destination.Length</c> bytes of the tensor from <paramref name="byteOffset"/> on.</summary>
    /// <exception cref="CheckpointException">The tensor is absent, the range leaves it, or the file is shorter than its header said.</exception>
    void Read(string name, long byteOffset, Span<byte> destination);
}
