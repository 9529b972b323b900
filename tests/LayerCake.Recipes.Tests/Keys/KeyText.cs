using System.Globalization;
using System.Text;

namespace LayerCake.Recipes.Tests;

/// <summary>Writes the fields of a key as lines, <c>auto_awq.bits = 4 (number)</c>.</summary>
internal sealed class KeyText : IKeyWriter
{
    private readonly StringBuilder _text = new();
    private string _prefix = "";

    public static string Of(Action<IKeyWriter> write)
    {
        var text = new KeyText();
        write(text);
        return text._text.ToString();
    }

    public void Add(string name, string value) => Line(name, value, "text");

    public void Add(string name, long value) => Line(name, value.ToString(CultureInfo.InvariantCulture), "number");

    public void Add(string name, bool value) => Line(name, value ? "true" : "false", "truth");

    public void AddNested(string name, Action<IKeyWriter> write)
    {
        var outer = _prefix;
        _prefix += name + ".";
        write(this);
        _prefix = outer;
    }

    private void Line(string name, string value, string type) => _text.Append($"{_prefix}{name} = {value} ({type})\n");
}
