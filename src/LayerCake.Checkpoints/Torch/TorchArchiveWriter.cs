using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace LayerCake.Checkpoints;

/// <summary>
/// Writes a file that <c>torch.load</c> reads, <c>weights_only=True</c> included. All tensors are announced beforehand and then arrive whole or in chunks,
/// in any order; different tensors may be written by different threads. The same layout and tensors give the same bytes, those that PyTorch's
/// Linux builds write (compared with 2.11).
/// </summary>
public sealed class TorchArchiveWriter : IDisposable
{
    private readonly OutputFile _file;
    private readonly string _stem;
    private readonly IReadOnlyList<ZipRecord> _records;
    private readonly Dictionary<string, PendingRecord> _tensors;

    private TorchArchiveWriter(OutputFile file, string stem, IReadOnlyList<ZipRecord> records, Dictionary<string, PendingRecord> tensors)
    {
        _file = file;
        _stem = stem;
        _records = records;
        _tensors = tensors;
    }

    /// <summary>Creates (or replaces) the file and reserves its size.</summary>
    /// <param name="path">The file.</param>
    /// <param name="layout">Dictionaries and tensors it shall hold.</param>
    /// <param name="archiveName">The folder inside the archive; by default the file's name without extension, as torch has it. For files that are renamed afterwards.</param>
    /// <exception cref="CheckpointException">A name twice, an element type without torch storage, or a file that cannot be created.</exception>
    public static TorchArchiveWriter Create(string path, TorchLayout layout, string? archiveName = null)
    {
        ArgumentNullException.ThrowIfNull(layout);
        var stem = archiveName ?? Path.GetFileNameWithoutExtension(path);
        stem = stem.Length > 0 ? stem : "archive";
        var pickle = PickleWriter.Write(layout);
        var records = new List<ZipRecord>();
        var contents = new List<(ZipRecord Record, byte[] Bytes)>();

        ZipRecord Place(string name, long byteCount)
        {
            var record = new ZipRecord($"{stem}/{name}", byteCount, records.Count == 0 ? 0 : records[^1].End);
            records.Add(record);
            return record;
        }

        void PlaceContent(string name, byte[] bytes) => contents.Add((Place(name, bytes.Length), bytes));

        // The order of torch.save.
        PlaceContent("data.pkl", pickle);
        PlaceContent(".format_version", "1"u8.ToArray());
        PlaceContent(".storage_alignment", Encoding.ASCII.GetBytes(ZipRecord.Alignment.ToString(CultureInfo.InvariantCulture)));
        PlaceContent("byteorder", "little"u8.ToArray());
        var tensors = new Dictionary<string, PendingRecord>(StringComparer.Ordinal);
        foreach (var tensor in layout.Tensors(""))
        {
            var record = Place(string.Create(CultureInfo.InvariantCulture, $"data/{tensors.Count}"), tensor.ByteCount);
            if (!tensors.TryAdd(tensor.Name, new PendingRecord(record, new PendingTensor(tensor, record.DataOffset))))
            {
                throw new CheckpointException($"{path}: a tensor named '{tensor.Name}' cannot be written, the name is taken.");
            }
        }

        PlaceContent("version", "3\n"u8.ToArray());
        Place(".data/serialization_id", SerializationId.ByteCount);
        var directoryByteCount = records.Sum(record => record.DirectoryHeader().Length);
        var length = records[^1].End + directoryByteCount + ZipRecord.ArchiveEnd(records.Count, records[^1].End, directoryByteCount).Length;

        var file = OutputFile.Create(path, length);
        try
        {
            foreach (var record in records)
            {
                file.Write(record.HeaderOffset, record.LocalHeader());
            }

            foreach (var (record, bytes) in contents)
            {
                WriteContent(file, record, bytes);
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }

        return new TorchArchiveWriter(file, stem, records, tensors);
    }

    /// <summary>Writes a whole tensor.</summary>
    /// <param name="name">The key, or <c>outer/inner</c> for a nested layout.</param>
    /// <param name="bytes">Little-endian, row-major.</param>
    public void Write(string name, ReadOnlySpan<byte> bytes)
    {
        var tensor = Find(name).Tensor;
        if (bytes.Length != tensor.Info.ByteCount)
        {
            throw new ArgumentException($"{_file.Path}: {bytes.Length} bytes were given for tensor '{name}', which has {tensor.Info.ByteCount}.", nameof(bytes));
        }

        WriteChunk(name, bytes);
    }

    /// <summary>Writes the next bytes of a tensor.</summary>
    public void WriteChunk(string name, ReadOnlySpan<byte> bytes)
    {
        var pending = Find(name);
        _file.Write(pending.Tensor.Advance(_file.Path, bytes.Length), bytes);
        pending.Crc.Append(bytes);
        if (pending.Tensor.IsFull)
        {
            pending.Record.Crc32 = pending.Crc.GetCurrentHashAsUInt32();
            WriteDescriptor(_file, pending.Record);
        }
    }

    /// <summary>Checks that every tensor came in full, writes the directory and flushes to the disk. Without it, <see cref="Dispose"/> deletes the file.</summary>
    public void Complete()
    {
        PendingTensor.RequireAllFull(_tensors.Values.Select(pending => pending.Tensor), _file.Path);
        WriteContent(_file, _records[^1], SerializationId.Of([.. _records.SkipLast(1).Select(record => (record.Name[(_stem.Length + 1)..], record.Crc32))]));
        var directoryOffset = _records[^1].End;
        byte[] directory = [.. _records.SelectMany(record => record.DirectoryHeader())];
        _file.Write(directoryOffset, [.. directory, .. ZipRecord.ArchiveEnd(_records.Count, directoryOffset, directory.Length)]);
        _file.Complete();
    }

    public void Dispose() => _file.Dispose();

    private static void WriteContent(OutputFile file, ZipRecord record, byte[] bytes)
    {
        record.Crc32 = Crc32.HashToUInt32(bytes);
        file.Write(record.DataOffset, bytes);
        WriteDescriptor(file, record);
    }

    private static void WriteDescriptor(OutputFile file, ZipRecord record) => file.Write(record.DataOffset + record.ByteCount, record.Descriptor());

    private PendingRecord Find(string name) => _tensors.TryGetValue(name, out var pending)
        ? pending
        : throw new ArgumentException($"{_file.Path}: tensor '{name}' was not announced when the writer was created.", nameof(name));

    private sealed record PendingRecord(ZipRecord Record, PendingTensor Tensor)
    {
        public Crc32 Crc { get; } = new();
    }
}
