using System.Globalization;
using System.Text;

namespace LayerCake.Building;

/// <summary>One thing that is not as the lock record says.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Which one: <c>calibrate.samples</c>, <c>model/config.json</c>, <c>calibrate.version</c>.</param>
/// <param name="Old">What the record says; null where it has none.</param>
/// <param name="New">What is there now; null where there is none.</param>
/// <param name="Variants">The variants that it concerns; empty where it concerns all.</param>
public sealed record LockDifference(LockDifferenceKind Kind, string Name, string? Old, string? New, IReadOnlyList<string> Variants)
{
    private const int LongestValue = 120;
    private const int NamedVariants = 3;
    private const int ShortDigest = 12;

    /// <summary>One line: <c>recipe calibrate.samples: 64 → 32</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(Kind switch
        {
            LockDifferenceKind.Variant => "variant ",
            LockDifferenceKind.Recipe => "recipe ",
            LockDifferenceKind.Input => "input ",
            _ => "step ",
        });
        text.Append(Printable(Name)).Append(": ");
        var (old, @new) = (Shown(Old), Shown(New));
        text.Append((old, @new) switch
        {
            (null, _) => Kind is LockDifferenceKind.Variant or LockDifferenceKind.Step ? "not in the lock" : $"{@new} (not in the lock)",
            (_, null) => Kind is LockDifferenceKind.Variant or LockDifferenceKind.Step ? "in the lock only" : $"{old} (in the lock only)",
            _ => $"{old} → {@new}",
        });
        if (Variants.Count > 0)
        {
            text.Append(" (in ").AppendJoin(", ", Variants.Take(NamedVariants).Select(Printable));
            if (Variants.Count > NamedVariants)
            {
                text.Append(CultureInfo.InvariantCulture, $" and {Variants.Count - NamedVariants} more");
            }

            text.Append(')');
        }

        return text.ToString();
    }

    private string? Shown(string? value) => value is null ? null
        : Kind == LockDifferenceKind.Input && Digest.TryParse(value, out _) ? value[..ShortDigest]
        : Printable(value);

    // A record may come from anywhere; nothing of it may reach a terminal as a control sequence.
    internal static string Printable(string text)
    {
        var printable = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (printable.Length >= LongestValue)
            {
                return printable.Append('…').ToString();
            }

            var shown = Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
            printable.Append(shown ? rune.ToString() : "?");
        }

        return printable.ToString();
    }
}
