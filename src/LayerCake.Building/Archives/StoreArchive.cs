using System.Formats.Tar;
using System.Text;

namespace LayerCake.Building;

/// <summary>
/// Results of a store as one tar file: <c>layercake-store</c> with the format, <c>cas/sha256/ab/&lt;digest&gt;</c> by digest, <c>steps/1/&lt;key&gt;.json</c> by key.
/// The same results give the same bytes: sorted, without times and owners.
/// </summary>
internal static class StoreArchive
{
    public const string FormatName = "layercake-store";

    // Modes of what the store has itself; the time is that of nothing.
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public static byte[] FormatContent { get; } = Encoding.ASCII.GetBytes(FormattableString.Invariant($"{StoreLayout.Format}\n"));

    public static string NameOf(Digest content)
    {
        var hex = content.ToString();
        return $"cas/sha256/{hex[..2]}/{hex}";
    }

    public static string NameOf(StepKey key) => $"steps/1/{key}.json";

    /// <summary>The content that an entry's name stands for; null where it stands for none.</summary>
    public static Digest? ContentOf(string name)
    {
        var slash = name.LastIndexOf('/') + 1;
        return Digest.TryParse(name.AsSpan(slash), out var digest) && name == NameOf(digest) ? digest : null;
    }

    /// <summary>The key that an entry's name stands for; null where it stands for none.</summary>
    public static StepKey? KeyOf(string name) =>
        name.Length == NameOf(default(StepKey)).Length && Digest.TryParse(name.AsSpan("steps/1/".Length, 2 * Digest.ByteLength), out var digest)
        && name == NameOf(new StepKey(digest))
            ? new StepKey(digest)
            : null;

    // GNU's form: it holds sizes over 8 GiB in the header itself. .NET writes the number of the process into the extended headers of the other form.
    public static GnuTarEntry Entry(string name, Stream content) => new(TarEntryType.RegularFile, name)
    {
        DataStream = content,
        Mode = Mode,
        ModificationTime = DateTimeOffset.UnixEpoch,
    };
}
