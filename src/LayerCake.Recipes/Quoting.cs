using System.Globalization;
using System.Text;

namespace LayerCake.Recipes;

/// <summary>Puts text from a file into a message.</summary>
internal static class Quoting
{
    private const int Longest = 60;

    /// <summary>Shortens long text and writes out characters that would disturb a terminal or break the line.</summary>
    public static string Clip(string text) => Escape(text, Longest);

    /// <summary>Only writes the characters out.</summary>
    public static string Escape(string text) => Escape(text, int.MaxValue);

    private static string Escape(string text, int longest)
    {
        var result = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (result.Length >= longest)
            {
                return result.Append('…').ToString();
            }

            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned)
            {
                result.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            }
            else
            {
                result.Append(rune);
            }
        }

        return result.ToString();
    }
}
