using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Checkpoints;

/// <summary>One .safetensors file: its header in memory, its tensors read from disk when asked for. Safe for concurrent reads.</summary>
public sealed class SafetensorsFile : ITensorSource
{
    private readonly InputFile _file;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(InputFile file, SafetensorsHeader header)
    {
        _file = file;
        _header = header;
    }

    public string Path => _file.Path;

    public IReadOnlyList<TensorInfo> Tensors => _header.Tensors;

    /// <summary>The header's <c>__metadata__</c>; empty when it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Reads and checks the header; no tensor is read.</summary>
    /// <exception cref="CheckpointException">Not a safetensors file (a Git LFS pointer, a web page, ...), cut off, or with a header that contradicts itself or the file.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = InputFile.Open(path);
        try
        {
            return new SafetensorsFile(file, SafetensorsHeader.Read(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        var found = _header.TryFind(name, out var place);
        tensor = place.Info;
        return found;
    }

    public void Read(string name, long byteOffset, Span<byte> destination)
    {
        if (!_header.TryFind(name, out var place))
        {
            throw TensorReading.Absent(this, name);
        }

        TensorReading.RequireRange(this, place.Info, byteOffset, destination.Length);
        _file.ReadExactly(place.FileOffset + byteOffset, destination);
    }

    public void Dispose() => _file.Dispose();
}
