using System.Globalization;
using System.Text;

namespace LayerCake.Reporting;

/// <summary>Writes HTML and SVG. All text and all attribute values are escaped here and nowhere else.</summary>
internal sealed class Markup
{
    private static readonly HashSet<string> Void = new(StringComparer.Ordinal) { "meta", "input", "br", "hr", "rect", "line", "path", "circle" };

    private readonly StringBuilder _text = new();

    public override string ToString() => _text.ToString();

    /// <summary>A constant of this program: never anything from outside.</summary>
    public Markup Raw(string constant)
    {
        _text.Append(constant);
        return this;
    }

    public Markup Text(string text)
    {
        foreach (var c in text)
        {
            _ = c switch
            {
                '&' => _text.Append("&amp;"),
                '<' => _text.Append("&lt;"),
                '>' => _text.Append("&gt;"),
                '"' => _text.Append("&quot;"),
                '\'' => _text.Append("&#39;"),
                '\t' or '\n' => _text.Append(' '),
                // Control characters, and those that turn the direction of what follows, have no place in a name.
                _ when char.IsControl(c) || CharUnicodeInfo.GetUnicodeCategory(c) == UnicodeCategory.Format => _text.Append('\uFFFD'),
                _ => _text.Append(c),
            };
        }

        return this;
    }

    /// <summary>An element with text in it.</summary>
    public Markup Element(string name, string text, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Open(name, attributes);
        Text(text);
        return Close(name);
    }

    /// <summary>An element with other elements in it.</summary>
    public Markup Element(string name, Action content, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Open(name, attributes);
        content();
        return Close(name);
    }

    /// <summary>An element without content.</summary>
    public Markup Empty(string name, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Open(name, attributes);
        return Void.Contains(name) ? this : Close(name);
    }

    /// <summary>A mark of a plot that says what it is when it is pointed at or read aloud.</summary>
    public Markup Titled(string name, string title, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        _text.Append('<').Append(name);
        Attributes(attributes);
        _text.Append('>');
        Element("title", title);
        return Close(name);
    }

    /// <summary>What is shown when it is asked for, headed by what it is and how much.</summary>
    public Markup Details(string title, string count, Action content) => Element("details", () =>
    {
        Element("summary", () => Text(title).Text(" ").Element("span", count, ("class", "count")));
        content();
    });

    public static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    public static string Percent(double share) => Number(100 * share) + "%";

    private void Open(string name, ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        _text.Append('<').Append(name);
        Attributes(attributes);
        _text.Append(name is "rect" or "line" or "path" or "circle" ? "/>" : ">");
    }

    private void Attributes(ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        foreach (var (name, value) in attributes)
        {
            if (value is not null)
            {
                _text.Append(' ').Append(name).Append("=\"");
                Text(value);
                _text.Append('"');
            }
        }
    }

    private Markup Close(string name)
    {
        _text.Append("</").Append(name).Append('>');
        return this;
    }
}
