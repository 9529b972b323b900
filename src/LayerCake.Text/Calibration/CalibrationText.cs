using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LayerCake.Text;

/// <summary>
/// A calibration set from a file: its rows, joined by an empty line as LMDeploy's ptb and wikitext2 loaders join theirs
/// (<c>"\n\n".join(rows)</c>), ready to be tokenized as one string.
/// <list type="bullet">
/// <item>A text file: every line is a row (LF or CRLF ends it). Lines of white space alone separate rows and are none themselves,
/// so one paragraph a line and paragraphs with empty lines between them give the same text. Nothing else is trimmed.</item>
/// <item>A <c>.jsonl</c> file: every line is an object whose string <c>text</c> is a row. Empty lines, and rows of white space
/// alone, are left out.</item>
/// </list>
/// UTF-8, with or without a byte order mark.
/// </summary>
public sealed class CalibrationText
{
    /// <summary>What stands between two rows.</summary>
    public const string RowSeparator = "\n\n";

    private const long MaximumByteCount = 1L << 30;

    private CalibrationText(string text, int rowCount)
    {
        Text = text;
        RowCount = rowCount;
    }

    /// <summary>All rows, joined; or the text as it stands.</summary>
    public string Text { get; }

    /// <summary>How many rows the text has; at least 1.</summary>
    public int RowCount { get; }

    /// <summary>Reads a file. Its ending decides: <c>.jsonl</c>, or else text.</summary>
    /// <exception cref="CalibrationDataException">The file is missing, too large, not UTF-8, without a row, or not the JSON it should be.</exception>
    public static CalibrationText Load(string path) => Load(path, verbatim: false);

    /// <summary>Reads a file as <see cref="Load(string)"/> does, but leaves a text file as it stands, line ends and empty lines too: what a model is measured on.</summary>
    /// <exception cref="CalibrationDataException">The file is missing, too large, not UTF-8, without text, or not the JSON it should be.</exception>
    public static CalibrationText LoadVerbatim(string path) => Load(path, verbatim: true);

    private static CalibrationText Load(string path, bool verbatim)
    {
        byte[] bytes = ReadFile(path);
        var content = Utf8FileContent.Check(bytes, path);
        string extension = Path.GetExtension(path).ToLowerInvariant();
        var rows = extension switch
        {
            ".jsonl" => JsonRows(content, path),
            ".json" => throw new CalibrationDataException(
                $"{path}: a .json file is not a calibration set. Write one object with a \"text\" string a line and name the file .jsonl."),
            _ => TextRows(content),
        };

        if (rows.Count == 0)
        {
            throw new CalibrationDataException(
                $"{path}: the calibration set holds no text ({(bytes.Length == 0 ? "the file is empty" : "only white space")}). Give it at least one paragraph.");
        }

        return verbatim && extension != ".jsonl"
            ? new CalibrationText(Encoding.UTF8.GetString(content), rows.Count)
            : new CalibrationText(string.Join(RowSeparator, rows), rows.Count);
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (Directory.Exists(path))
            {
                throw new CalibrationDataException($"{path}: the calibration set is a folder. Name a .txt or .jsonl file.");
            }

            if (!file.Exists)
            {
                throw new CalibrationDataException($"{path}: there is no such calibration set. Name a .txt or .jsonl file that exists.");
            }

            if (file.Length > MaximumByteCount)
            {
                throw new CalibrationDataException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{path}: the calibration set has {file.Length} bytes; at most {MaximumByteCount} are read. Take a part of it."));
            }

            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CalibrationDataException($"{path}: the calibration set cannot be read: {exception.Message}", exception);
        }
    }

    private static List<string> TextRows(ReadOnlySpan<byte> content)
    {
        var rows = new List<string>();
        foreach (var range in content.Split((byte)'\n'))
        {
            string row = Encoding.UTF8.GetString(WithoutCarriageReturn(content[range]));
            if (!string.IsNullOrWhiteSpace(row))
            {
                rows.Add(row);
            }
        }

        return rows;
    }

    private static List<string> JsonRows(ReadOnlySpan<byte> content, string path)
    {
        var rows = new List<string>();
        int line = 0;
        foreach (var range in content.Split((byte)'\n'))
        {
            line++;
            var bytes = WithoutCarriageReturn(content[range]);
            if (bytes.Trim(" \t"u8).IsEmpty)
            {
                continue;
            }

            string row = TextOf(bytes, path, line);
            if (!string.IsNullOrWhiteSpace(row))
            {
                rows.Add(row);
            }
        }

        return rows;
    }

    private static string TextOf(ReadOnlySpan<byte> line, string path, int lineNumber)
    {
        string place = string.Create(CultureInfo.InvariantCulture, $"{path}:{lineNumber}");
        try
        {
            var reader = new Utf8JsonReader(line);
            using var document = JsonDocument.ParseValue(ref reader);
            if (reader.Read())
            {
                throw new CalibrationDataException($"{place}: more than one JSON value on the line. Write one object a line.");
            }

            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new CalibrationDataException(
                    $"{place}: the line is {Named(root.ValueKind)}, not an object. Write {{\"text\": \"...\"}} on every line.");
            }

            if (!root.TryGetProperty("text"u8, out var text))
            {
                throw new CalibrationDataException($"{place}: the object has no \"text\" field. Write {{\"text\": \"...\"}} on every line.");
            }

            return text.ValueKind == JsonValueKind.String
                ? text.GetString()!
                : throw new CalibrationDataException($"{place}: the field \"text\" is {Named(text.ValueKind)}, not a string.");
        }
        catch (JsonException exception)
        {
            throw new CalibrationDataException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{place}: not valid JSON at byte {exception.BytePositionInLine ?? 0} of the line. Write {{\"text\": \"...\"}} on every line."),
                exception);
        }
        catch (InvalidOperationException exception)
        {
            // A \u escape of half a surrogate pair: valid JSON, yet no Unicode text.
            throw new CalibrationDataException($"{place}: a string of the line has an escape that is no Unicode character.", exception);
        }
    }

    private static string Named(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };

    private static ReadOnlySpan<byte> WithoutCarriageReturn(ReadOnlySpan<byte> line) => line.EndsWith("\r"u8) ? line[..^1] : line;
}
