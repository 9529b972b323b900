using System.Text.Json;
using LayerCake.Recipes;

namespace LayerCake.Building;

/// <summary>
/// The fields of the last build of a step of a recipe, kept so that a miss can be explained. It decides nothing: a wrong one gives a wrong explanation and
/// never a wrong result, so in a shared cache it is the one thing that is not checked against a digest.
/// </summary>
internal static class LatestNote
{
    /// <summary>Far more than any key's fields need.</summary>
    public const long MaxBytes = 4L << 20;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    /// <summary>Where a shared cache has it among its entries. No step's key is the digest of such a text.</summary>
    public static Digest Key(string recipe, string step) => Digest.Of($"latest/{StoreLayout.Format}/{recipe}/{step}");

    public static byte[] Write(KeyDocument fields)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, StepRecordJson.Readable))
        {
            fields.WriteJson(json);
        }

        return stream.ToArray();
    }

    /// <summary>Null for what is no such note, and for one with characters that would do something to a terminal.</summary>
    public static KeyDocument? TryRead(ReadOnlyMemory<byte> content)
    {
        if (content.Length > MaxBytes)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(content, Strict);
            var fields = KeyDocument.FromJson(document.RootElement);
            var printable = new PrintableCheck();
            fields.WriteTo(printable);
            return printable.Passed ? fields : null;
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    private sealed class PrintableCheck : IKeyWriter
    {
        public bool Passed { get; private set; } = true;

        public void Add(string name, string value) => Passed &= IsPrintable(name) && IsPrintable(value);

        public void Add(string name, long value) => Passed &= IsPrintable(name);

        public void Add(string name, bool value) => Passed &= IsPrintable(name);

        public void AddNested(string name, Action<IKeyWriter> write)
        {
            Passed &= IsPrintable(name);
            write(this);
        }

        // A recipe's text value may have lines.
        private static bool IsPrintable(string text)
        {
            foreach (var c in text)
            {
                if (char.IsControl(c) && c is not ('\n' or '\t'))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
