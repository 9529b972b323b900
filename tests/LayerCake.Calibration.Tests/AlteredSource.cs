using System.Diagnostics.CodeAnalysis;
using LayerCake.Checkpoints;

namespace LayerCake.Calibration.Tests;

/// <summary>A source with other bytes in one of its tensors.</summary>
internal sealed class AlteredSource(ITensorSource source, string altered, Func<long, byte, byte> alter) : ITensorSource
{
    public string Path => source.Path;

    public IReadOnlyList<TensorInfo> Tensors => source.Tensors;

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor) => source.TryFind(name, out tensor);

    public void Read(string name, long byteOffset, Span<byte> destination)
    {
        source.Read(name, byteOffset, destination);
        for (var i = 0; name == altered && i < destination.Length; i++)
        {
            destination[i] = alter(byteOffset + i, destination[i]);
        }
    }

    public void Dispose()
    {
    }
}
