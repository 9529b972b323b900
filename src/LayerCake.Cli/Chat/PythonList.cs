using System.Globalization;
using System.Text;

namespace LayerCake.Cli.Chat;

/// <summary>Lists of texts as python-fire reads them: <c>['a', "b\n"]</c>, <c>[a,b]</c>, or one text alone.</summary>
internal static class PythonList
{
    /// <summary>The texts; one alone is a list of one.</summary>
    /// <exception cref="UsageException">It begins like a list or a quoted text and does not end like one, or an escape is unknown.</exception>
    public static IReadOnlyList<string> Parse(string name, string text)
    {
        var trimmed = text.Trim();
        if (trimmed.Length < 2 || (trimmed[0], trimmed[^1]) is not (('[', ']') or ('(', ')')))
        {
            return trimmed is ['[' or '(', ..] && trimmed.Length > 1 ? throw Wrong(name, text) : [text];
        }

        List<string> items = [];
        var position = 1;
        while (true)
        {
            SkipSpace(trimmed, ref position);
            if (position == trimmed.Length - 1)
            {
                return items;
            }

            items.Add(trimmed[position] is '\'' or '"' ? Quoted(name, trimmed, ref position) : Bare(trimmed, ref position));
            SkipSpace(trimmed, ref position);
            if (trimmed[position] == ',')
            {
                position++;
            }
            else if (position != trimmed.Length - 1)
            {
                throw Wrong(name, text);
            }
        }
    }

    private static void SkipSpace(string text, ref int position)
    {
        while (char.IsWhiteSpace(text[position]))
        {
            position++;
        }
    }

    private static string Bare(string text, ref int position)
    {
        var start = position;
        while (position < text.Length - 1 && text[position] != ',')
        {
            position++;
        }

        return text[start..position].TrimEnd();
    }

    private static string Quoted(string name, string text, ref int position)
    {
        var quote = text[position++];
        var content = new StringBuilder();
        while (text[position] != quote)
        {
            content.Append(text[position] == '\\' ? Escape(name, text, ref position) : text[position].ToString());
            if (++position >= text.Length - 1)
            {
                throw Wrong(name, text);
            }
        }

        position++;
        return content.ToString();
    }

    private static string Escape(string name, string text, ref int position)
    {
        var kind = text[++position];
        var digits = kind switch
        {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if (digits > 0)
        {
            var end = Math.Min(text.Length, position + 1 + digits);
            var isNumber = uint.TryParse(text[(position + 1)..end], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value);
            if (!isNumber || end != position + 1 + digits || !Rune.TryCreate(value, out var rune))
            {
                throw Wrong(name, text);
            }

            position += digits;
            return rune.ToString();
        }

        return kind switch
        {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            '\\' or '\'' or '"' => kind.ToString(),
            _ => throw Wrong(name, text),
        };
    }

    private static UsageException Wrong(string name, string text) =>
        new($"--{name} takes one text or a list like \"['<eoa>', '\\n']\", not '{text}'.");
}
