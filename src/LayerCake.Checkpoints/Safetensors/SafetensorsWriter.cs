using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LayerCake.Checkpoints;

/// <summary>
/// Writes a .safetensors file whose tensors are all announced beforehand, and then arrive whole or in chunks, in any order; different tensors may be
/// written by different threads. The same tensors and metadata give the same bytes.
/// <para>
/// In the file the tensors stand in the caller's order, wider element types first: readers that map the file need each tensor aligned to its element.
/// Metadata keys are sorted.
/// </para>
/// </summary>
public sealed class SafetensorsWriter : IDisposable
{
    private readonly OutputFile _file;
    private readonly Dictionary<string, PendingTensor> _tensors;

    private SafetensorsWriter(OutputFile file, Dictionary<string, PendingTensor> tensors)
    {
        _file = file;
        _tensors = tensors;
    }

    /// <summary>Creates (or replaces) the file, reserves its size and writes its header.</summary>
    /// <exception cref="CheckpointException">A name twice, the reserved name <c>__metadata__</c>, a header above the format's limit, or a file that cannot be created.</exception>
    public static SafetensorsWriter Create(string path, IReadOnlyList<TensorInfo> tensorsInOrder, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensorsInOrder);
        var ordered = tensorsInOrder.OrderByDescending(tensor => tensor.DType.BitSize()).ToList();
        var header = Header(path, ordered, metadata);
        var tensors = new Dictionary<string, PendingTensor>(ordered.Count, StringComparer.Ordinal);
        var position = (long)header.Length;
        foreach (var tensor in ordered)
        {
            if (tensor.Name == SafetensorsHeader.MetadataKey || !tensors.TryAdd(tensor.Name, new PendingTensor(tensor, position)))
            {
                throw new CheckpointException($"{path}: a tensor named '{tensor.Name}' cannot be written, the name is taken.");
            }

            position = checked(position + tensor.ByteCount);
        }

        var file = OutputFile.Create(path, position);
        try
        {
            file.Write(0, header);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        return new SafetensorsWriter(file, tensors);
    }

    /// <summary>Writes a whole tensor.</summary>
    public void Write(string name, ReadOnlySpan<byte> bytes)
    {
        var tensor = PendingTensor.Find(_tensors, _file.Path, name);
        if (bytes.Length != tensor.Info.ByteCount)
        {
            throw new ArgumentException($"{_file.Path}: {bytes.Length} bytes were given for tensor '{name}', which has {tensor.Info.ByteCount}.", nameof(bytes));
        }

        _file.Write(tensor.Advance(_file.Path, bytes.Length), bytes);
    }

    /// <summary>Writes the next bytes of a tensor.</summary>
    public void WriteChunk(string name, ReadOnlySpan<byte> bytes) =>
        _file.Write(PendingTensor.Find(_tensors, _file.Path, name).Advance(_file.Path, bytes.Length), bytes);

    /// <summary>Checks that every tensor came in full and flushes to the disk. Without it, <see cref="Dispose"/> deletes the file.</summary>
    public void Complete()
    {
        PendingTensor.RequireAllFull(_tensors.Values, _file.Path);
        _file.Complete();
    }

    public void Dispose() => _file.Dispose();

    private static byte[] Header(string path, List<TensorInfo> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(stackalloc byte[8]);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            var position = 0L;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype"u8, tensor.DType.SafetensorsName());
                json.WriteStartArray("shape"u8);
                foreach (var dimension in tensor.Shape)
                {
                    json.WriteNumberValue(dimension);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets"u8);
                json.WriteNumberValue(position);
                json.WriteNumberValue(position = checked(position + tensor.ByteCount));
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Padded with spaces so that the data begins at a multiple of 8.
        var padding = -buffer.WrittenCount & 7;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        var header = buffer.WrittenSpan.ToArray();
        var length = header.Length - 8;
        if (length > SafetensorsHeader.MaxHeaderByteCount)
        {
            throw new CheckpointException($"{path}: a header of {length} bytes is above the format's limit of {SafetensorsHeader.MaxHeaderByteCount}; write fewer tensors a file.");
        }

        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        return header;
    }
}
