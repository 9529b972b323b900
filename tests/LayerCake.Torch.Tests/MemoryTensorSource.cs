using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using LayerCake.Checkpoints;

namespace LayerCake.Torch.Tests;

/// <summary>Tensors that lie in memory.</summary>
internal sealed class MemoryTensorSource : ITensorSource
{
    private readonly Dictionary<string, (TensorInfo Info, byte[] Bytes)> _tensors = [];

    public string Path => "memory";

    public IReadOnlyList<TensorInfo> Tensors => [.. _tensors.Values.Select(tensor => tensor.Info)];

    public MemoryTensorSource With(string name, DType dtype, ImmutableArray<long> shape, byte[] bytes)
    {
        _tensors[name] = (new TensorInfo(name, dtype, shape, bytes.Length), bytes);
        return this;
    }

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        var found = _tensors.TryGetValue(name, out var entry);
        tensor = found ? entry.Info : null;
        return found;
    }

    public void Read(string name, long byteOffset, Span<byte> destination) =>
        _tensors[name].Bytes.AsSpan((int)byteOffset, destination.Length).CopyTo(destination);

    public void Dispose()
    {
    }
}
