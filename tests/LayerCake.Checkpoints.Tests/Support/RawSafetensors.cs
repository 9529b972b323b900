using System.Buffers.Binary;
using System.Text;

namespace LayerCake.Checkpoints.Tests;

/// <summary>Safetensors files built by hand, so that they can be wrong.</summary>
internal static class RawSafetensors
{
    public static byte[] Bytes(string header, int dataByteCount = 0) => Bytes(Encoding.UTF8.GetBytes(header), dataByteCount);

    public static byte[] Bytes(byte[] header, int dataByteCount = 0)
    {
        var file = new byte[8 + header.Length + dataByteCount];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        header.CopyTo(file, 8);
        for (var index = 8 + header.Length; index < file.Length; index++)
        {
            file[index] = (byte)index;
        }

        return file;
    }
}
