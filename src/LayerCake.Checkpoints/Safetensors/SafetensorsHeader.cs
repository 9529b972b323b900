using System.Collections.Immutable;
using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace LayerCake.Checkpoints;

/// <summary>
/// The checked header of a safetensors file: 8 bytes length (little-endian), that many bytes of JSON, then the tensors' bytes without holes or overlaps.
/// Refuses what the reference implementation refuses (safetensors, https://github.com/huggingface/safetensors, "Format").
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The reference implementation's limit: larger headers are an attack on its JSON parser.</summary>
    public const long MaxHeaderByteCount = 100_000_000;

    public const string MetadataKey = "__metadata__";

    private const int LengthByteCount = 8;

    /// <summary>torch's limit on dimensions.</summary>
    private const int MaxRank = 64;

    private readonly Dictionary<string, (TensorInfo Info, long FileOffset)> _byName;

    private SafetensorsHeader(ImmutableArray<TensorInfo> tensors, Dictionary<string, (TensorInfo, long)> byName, IReadOnlyDictionary<string, string> metadata)
    {
        Tensors = tensors;
        _byName = byName;
        Metadata = metadata;
    }

    public ImmutableArray<TensorInfo> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    public bool TryFind(string name, out (TensorInfo Info, long FileOffset) place) => _byName.TryGetValue(name, out place);

    public static SafetensorsHeader Read(InputFile file)
    {
        ForeignContent.Refuse(file, ExpectedContent.Safetensors);
        if (file.Length < LengthByteCount)
        {
            throw new CheckpointException($"{file.Path} has {file.Length} bytes; even an empty safetensors file has more. Download it again.");
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Head(LengthByteCount));
        if (length > MaxHeaderByteCount)
        {
            throw new CheckpointException(
                $"{file.Path}: its header would have {length} bytes, the format allows {MaxHeaderByteCount}. This is not a safetensors file, or it is damaged; download it again.");
        }

        if ((long)length > file.Length - LengthByteCount)
        {
            throw new CheckpointException(
                $"{file.Path}: its header has {length} bytes but only {file.Length - LengthByteCount} follow. The file was cut off or is not safetensors; download it again.");
        }

        var json = GC.AllocateUninitializedArray<byte>((int)length);
        file.ReadExactly(LengthByteCount, json);
        var (entries, metadata) = new Parser(file.Path).Parse(json);
        var dataStart = LengthByteCount + (long)length;
        RequireGapless(file, entries, dataStart);

        var byName = new Dictionary<string, (TensorInfo, long)>(entries.Count, StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            byName.Add(entry.Info.Name, (entry.Info, dataStart + entry.Begin));
        }

        return new SafetensorsHeader([.. entries.Select(entry => entry.Info)], byName, metadata);
    }

    private static void RequireGapless(InputFile file, List<Entry> entries, long dataStart)
    {
        var dataLength = file.Length - dataStart;
        var position = 0L;
        foreach (var entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.End > dataLength)
            {
                throw new CheckpointException(
                    $"{file.Path}: tensor '{entry.Info.Name}' ends at byte {entry.End} of the data, but only {dataLength} are there. The file was cut off; download or copy it again.");
            }

            if (entry.Begin != position)
            {
                var fault = entry.Begin < position ? "overlaps the tensor before it" : "leaves a hole before it";
                throw new CheckpointException(
                    $"{file.Path}: tensor '{entry.Info.Name}' begins at byte {entry.Begin} of the data and {fault} (expected {position}). The file is damaged; download it again.");
            }

            position = entry.End;
        }

        if (position != dataLength)
        {
            throw new CheckpointException(
                $"{file.Path}: its tensors end at byte {position} of the data, but {dataLength} are there. The file is damaged or not finished; download it again.");
        }
    }

    private readonly record struct Entry(TensorInfo Info, long Begin, long End);

    private sealed class Parser(string path)
    {
        public (List<Entry> Entries, IReadOnlyDictionary<string, string> Metadata) Parse(ReadOnlySpan<byte> json)
        {
            // Leading space is refused, trailing space is padding: both as in the reference implementation.
            if (json.IsEmpty || json[0] != (byte)'{')
            {
                throw Fault("its header does not begin with '{'");
            }

            if (!Utf8.IsValid(json))
            {
                throw Fault("its header is not UTF-8");
            }

            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 16 });
            try
            {
                return ParseRoot(ref reader);
            }
            catch (JsonException exception)
            {
                throw new CheckpointException(
                    $"{path}: its header is not the JSON of a safetensors file ({exception.Message.TrimEnd('.')}). It is damaged; download it again.", exception);
            }
        }

        private (List<Entry> Entries, IReadOnlyDictionary<string, string> Metadata) ParseRoot(ref Utf8JsonReader reader)
        {
            var entries = new List<Entry>();
            var names = new HashSet<string>(StringComparer.Ordinal);
            IReadOnlyDictionary<string, string> metadata = ImmutableDictionary<string, string>.Empty;
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = Text(ref reader);
                if (!names.Add(name))
                {
                    throw Fault($"its header names '{name}' twice");
                }

                reader.Read();
                if (name == MetadataKey)
                {
                    metadata = ParseMetadata(ref reader);
                }
                else
                {
                    entries.Add(ParseTensor(ref reader, name));
                }
            }

            // Anything but white space after the object makes the reader throw.
            reader.Read();
            return (entries, metadata);
        }

        private SortedDictionary<string, string> ParseMetadata(ref Utf8JsonReader reader)
        {
            var metadata = new SortedDictionary<string, string>(StringComparer.Ordinal);
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw Fault("its __metadata__ is not an object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var key = Text(ref reader);
                if (!reader.Read() || reader.TokenType != JsonTokenType.String)
                {
                    throw Fault($"its __metadata__ value '{key}' is not a string");
                }

                if (!metadata.TryAdd(key, Text(ref reader)))
                {
                    throw Fault($"its __metadata__ names '{key}' twice");
                }
            }

            return metadata;
        }

        private Entry ParseTensor(ref Utf8JsonReader reader, string name)
        {
            string? dtypeName = null;
            ImmutableArray<long> shape = default, offsets = default;
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw Fault($"what it says of tensor '{name}' is not an object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var field = Text(ref reader);
                reader.Read();
                switch (field)
                {
                    case "dtype" when dtypeName is null:
                        dtypeName = reader.TokenType == JsonTokenType.String ? Text(ref reader) : throw Fault($"the dtype of tensor '{name}' is not a string");
                        break;
                    case "shape" when shape.IsDefault:
                        shape = ParseNumbers(ref reader, name, field, MaxRank);
                        break;
                    case "data_offsets" when offsets.IsDefault:
                        offsets = ParseNumbers(ref reader, name, field, 2);
                        break;
                    case "dtype" or "shape" or "data_offsets":
                        throw Fault($"tensor '{name}' has '{field}' twice");
                    default:
                        reader.Skip();
                        break;
                }
            }

            return Check(name, dtypeName, shape, offsets);
        }

        private Entry Check(string name, string? dtypeName, ImmutableArray<long> shape, ImmutableArray<long> offsets)
        {
            if (dtypeName is null || shape.IsDefault || offsets.IsDefault)
            {
                throw Fault($"tensor '{name}' lacks {(dtypeName is null ? "dtype" : shape.IsDefault ? "shape" : "data_offsets")}");
            }

            if (!DTypeFacts.TryParseSafetensors(dtypeName, out var dtype))
            {
                throw new CheckpointException($"{path}: tensor '{name}' has the element type '{dtypeName}', which is not known here.");
            }

            if (offsets.Length != 2 || offsets[0] > offsets[1])
            {
                throw Fault($"the data_offsets [{string.Join(", ", offsets)}] of tensor '{name}' are not a range");
            }

            if (!TensorInfo.TryCountBytes(dtype, shape.AsSpan(), out var byteCount))
            {
                throw Fault($"tensor '{name}', {dtypeName} of shape [{string.Join(", ", shape)}], has no addressable size in whole bytes");
            }

            if (byteCount != offsets[1] - offsets[0])
            {
                throw Fault(
                    $"tensor '{name}', {dtypeName} of shape [{string.Join(", ", shape)}], needs {byteCount} bytes but its data_offsets [{offsets[0]}, {offsets[1]}] give it {offsets[1] - offsets[0]}");
            }

            return new Entry(new TensorInfo(name, dtype, shape, byteCount), offsets[0], offsets[1]);
        }

        private ImmutableArray<long> ParseNumbers(ref Utf8JsonReader reader, string name, string field, int maxCount)
        {
            if (reader.TokenType != JsonTokenType.StartArray)
            {
                throw Fault($"the {field} of tensor '{name}' is not an array");
            }

            var numbers = ImmutableArray.CreateBuilder<long>(4);
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
                {
                    throw Fault($"the {field} of tensor '{name}' has something other than whole numbers from 0 to 2^63-1");
                }

                if (numbers.Count == maxCount)
                {
                    throw Fault($"the {field} of tensor '{name}' has more than {maxCount} numbers");
                }

                numbers.Add(number);
            }

            return numbers.ToImmutable();
        }

        private string Text(ref Utf8JsonReader reader)
        {
            try
            {
                return reader.GetString()!;
            }
            catch (InvalidOperationException exception)
            {
                // An escaped lone surrogate: valid JSON, but not text.
                throw new CheckpointException($"{path}: its header holds a string that is not text. The file is damaged; download it again.", exception);
            }
        }

        private CheckpointException Fault(string what) => new($"{path}: {what}. The file is damaged or not safetensors; download it again.");
    }
}
