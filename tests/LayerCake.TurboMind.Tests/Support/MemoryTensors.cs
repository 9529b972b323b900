using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind.Tests;

/// <summary>A checkpoint made in memory.</summary>
internal sealed class MemoryTensors : ITensorSource
{
    private readonly Dictionary<string, (TensorInfo Info, byte[] Bytes)> _tensors = new(StringComparer.Ordinal);

    public string Path => "memory";

    public IReadOnlyList<TensorInfo> Tensors => [.. _tensors.Values.Select(tensor => tensor.Info)];

    public void Add<T>(string name, DType type, ReadOnlySpan<T> elements, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(elements).ToArray();
        _tensors[name] = (new TensorInfo(name, type, [.. shape], bytes.Length), bytes);
    }

    public void Remove(string name) => _tensors.Remove(name);

    public void Reshape(string name, params ReadOnlySpan<long> shape)
    {
        var (info, bytes) = _tensors[name];
        _tensors[name] = (info with { Shape = [.. shape] }, bytes);
    }

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        tensor = _tensors.TryGetValue(name, out var found) ? found.Info : null;
        return tensor is not null;
    }

    public void Read(string name, long byteOffset, Span<byte> destination) =>
        _tensors[name].Bytes.AsSpan(checked((int)byteOffset), destination.Length).CopyTo(destination);

    public void Dispose()
    {
    }
}
