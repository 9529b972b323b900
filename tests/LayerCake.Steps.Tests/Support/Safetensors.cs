using System.Buffers.Binary;
using System.Text.Json;

namespace LayerCake.Steps.Tests;

internal static class Safetensors
{
    /// <summary>Overwrites one element of a tensor in place. The format: 8 bytes of header length, a JSON header with offsets, the data.</summary>
    public static void Patch(string path, string tensor, int element, ReadOnlySpan<byte> value)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        Span<byte> length = stackalloc byte[8];
        file.ReadExactly(length);
        var header = new byte[BinaryPrimitives.ReadInt64LittleEndian(length)];
        file.ReadExactly(header);
        using var json = JsonDocument.Parse(header);
        var offset = json.RootElement.GetProperty(tensor).GetProperty("data_offsets")[0].GetInt64();
        file.Seek(length.Length + header.Length + offset + (element * value.Length), SeekOrigin.Begin);
        file.Write(value);
    }
}
