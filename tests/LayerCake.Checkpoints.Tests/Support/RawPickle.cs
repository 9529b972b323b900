using System.IO.Compression;
using System.Text;

namespace LayerCake.Checkpoints.Tests;

/// <summary>Pickles and torch archives put together by hand.</summary>
internal sealed class RawPickle
{
    private readonly MemoryStream _bytes = new();

    public RawPickle() => Add(0x80, 2);

    public byte[] ToArray() => _bytes.ToArray();

    public RawPickle Add(params byte[] bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public RawPickle Add(string opcodes) => Add(Encoding.Latin1.GetBytes(opcodes));

    public RawPickle Text(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        return Add("X").Add(BitConverter.GetBytes(utf8.Length)).Add(utf8);
    }

    public RawPickle Global(string module, string name) => Add($"c{module}\n{name}\n");

    /// <summary>BININT, or LONG1 beyond 32 bits.</summary>
    public RawPickle Number(long number) => number == (int)number
        ? Add("J").Add(BitConverter.GetBytes((int)number))
        : Add(0x8a, 8).Add(BitConverter.GetBytes(number));

    public RawPickle Numbers(params long[] numbers)
    {
        Add("(");
        foreach (var number in numbers)
        {
            Number(number);
        }

        return Add("t");
    }

    public RawPickle Tensor(string storageClass, string key, long storageElementCount, long offset, long[] shape, long[] strides) =>
        Global("torch._utils", "_rebuild_tensor_v2").Add("((").Text("storage").Global("torch", storageClass).Text(key).Text("cpu").Number(storageElementCount).Add("tQ")
            .Number(offset).Numbers(shape).Numbers(strides).Add([0x89]).Global("collections", "OrderedDict").Add(")RtR");

    /// <summary>Writes a torch archive around this pickle with .NET's own zip writer.</summary>
    public string Save(string path, params (string Name, byte[] Bytes)[] records) =>
        SaveZip(path, [("archive/data.pkl", ToArray()), .. records.Select(record => ($"archive/{record.Name}", record.Bytes))]);

    public static string SaveZip(string path, params (string Name, byte[] Bytes)[] records)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, bytes) in records)
        {
            using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            stream.Write(bytes);
        }

        return path;
    }
}
