using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>A single value. It is read strictly: nothing that two YAML readers understand differently is accepted.</summary>
internal sealed class ScalarNode(Origin origin, string text, ScalarStyle style) : Node(origin)
{
    private static readonly string[] s_trueWords = ["yes", "on", "y", "true"];
    private static readonly string[] s_falseWords = ["no", "off", "n", "false"];

    public string Text { get; } = text;

    public ScalarStyle Style { get; } = style;

    /// <summary>What the text would be without quotes.</summary>
    public ScalarKind Kind { get; } = Classify(text);

    public bool IsNull => Style != ScalarStyle.Quoted && Kind == ScalarKind.Null;

    public override string Description => (Style, Kind) switch
    {
        (ScalarStyle.Quoted, _) => $"the text \"{Quoting.Clip(Text)}\"",
        (_, ScalarKind.Null) => "empty",
        (_, ScalarKind.Integer or ScalarKind.Real) => $"the number {Quoting.Clip(Text)}",
        (_, ScalarKind.Boolean) => $"the truth value {Text}",
        _ => $"the text '{Quoting.Clip(Text)}'",
    };

    public bool TryReadText(string wanted, out string text, out string problem)
    {
        text = Text;
        problem = "";
        if (Style != ScalarStyle.Plain || Kind == ScalarKind.Text)
        {
            return true;
        }

        problem = Kind is ScalarKind.BooleanLike or ScalarKind.IntegerLike
            ? $"is {Quoting.Clip(Text)}, which YAML readers understand differently; it must be {wanted}. If it is a text, quote it: \"{Quoting.Clip(Text)}\""
            : $"is {Description}; it must be {wanted}. If it is a text, quote it: \"{Quoting.Clip(Text)}\"";
        return false;
    }

    public bool TryReadBoolean(string wanted, out bool value, out string problem)
    {
        value = Text == "true";
        problem = "";
        if (Style != ScalarStyle.Quoted && Kind == ScalarKind.Boolean)
        {
            return true;
        }

        problem = $"is {Description}; it must be {wanted}";
        if (Style == ScalarStyle.Quoted && Text is "true" or "false")
        {
            problem += $": write {Text} without quotes";
        }
        else if (Style != ScalarStyle.Quoted && Kind == ScalarKind.BooleanLike)
        {
            problem += $": write {(s_trueWords.Contains(Text, StringComparer.OrdinalIgnoreCase) ? "true" : "false")}";
        }

        return false;
    }

    /// <summary>Reads a decimal number; one that does not fit is read as the nearest that does, which is out of any range.</summary>
    public bool TryReadInteger(string wanted, out long value, out string problem)
    {
        value = 0;
        problem = "";
        if (Style != ScalarStyle.Quoted && Kind == ScalarKind.Integer)
        {
            if (!long.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value))
            {
                value = Text[0] == '-' ? long.MinValue : long.MaxValue;
            }

            return true;
        }

        problem = $"is {Description}; it must be {wanted}";
        if (Style == ScalarStyle.Quoted && Classify(Text) == ScalarKind.Integer)
        {
            problem += $": write {Text} without quotes";
        }
        else if (Style != ScalarStyle.Quoted && Kind == ScalarKind.IntegerLike)
        {
            problem += ", in decimal digits without a leading 0, '+', '_' or ':'";
        }

        return false;
    }

    /// <summary>Reads a finite decimal number, with or without a fraction and an exponent.</summary>
    public bool TryReadNumber(string wanted, out double value, out string problem)
    {
        value = 0;
        problem = "";
        if (Style != ScalarStyle.Quoted && Kind is ScalarKind.Integer or ScalarKind.Real
            && double.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value) && !Text.StartsWith('+'))
        {
            return true;
        }

        problem = $"is {Description}; it must be {wanted}";
        if (Style == ScalarStyle.Quoted && Classify(Text) is ScalarKind.Integer or ScalarKind.Real)
        {
            problem += $": write {Text} without quotes";
        }

        return false;
    }

    private static ScalarKind Classify(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return ScalarKind.Null;
            case "true" or "false":
                return ScalarKind.Boolean;
            case ".inf" or ".Inf" or ".INF" or "-.inf" or "-.Inf" or "-.INF" or "+.inf" or "+.Inf" or "+.INF" or ".nan" or ".NaN" or ".NAN":
                return ScalarKind.Real;
        }

        if (s_trueWords.Contains(text, StringComparer.OrdinalIgnoreCase) || s_falseWords.Contains(text, StringComparer.OrdinalIgnoreCase))
        {
            return ScalarKind.BooleanLike;
        }

        var sign = text[0] is '-' or '+' ? 1 : 0;
        var digits = text.AsSpan(sign);
        if (digits.IsEmpty || !(char.IsAsciiDigit(digits[0]) || digits[0] == '.'))
        {
            return ScalarKind.Text;
        }

        if (IsAll(digits, "0123456789"))
        {
            return text[0] == '+' || (digits.Length > 1 && digits[0] == '0') || text == "-0" ? ScalarKind.IntegerLike : ScalarKind.Integer;
        }

        if (IsIntegerLike(digits))
        {
            return ScalarKind.IntegerLike;
        }

        return IsReal(digits) ? ScalarKind.Real : ScalarKind.Text;
    }

    private static bool IsIntegerLike(ReadOnlySpan<char> digits) =>
        (digits.Length > 2 && digits[0] == '0' && (digits[1] switch
        {
            'x' or 'X' => IsAll(digits[2..], "0123456789abcdefABCDEF_"),
            'o' or 'O' => IsAll(digits[2..], "01234567_"),
            'b' or 'B' => IsAll(digits[2..], "01_"),
            _ => false,
        }))
        || (char.IsAsciiDigit(digits[0]) && IsAll(digits, "0123456789_:"));

    /// <summary>Digits with at most one point and an exponent: <c>1.5</c>, <c>.5</c>, <c>1e9</c>. A version such as 0.1.0 is none.</summary>
    private static bool IsReal(ReadOnlySpan<char> text)
    {
        var exponent = text.IndexOfAny('e', 'E');
        var mantissa = exponent < 0 ? text : text[..exponent];
        var point = mantissa.IndexOf('.');
        var whole = point < 0 ? mantissa : mantissa[..point];
        var fraction = point < 0 ? [] : mantissa[(point + 1)..];
        if (!IsAll(whole, "0123456789_") || !IsAll(fraction, "0123456789_") || whole.Length + fraction.Length == 0)
        {
            return false;
        }

        if (exponent < 0)
        {
            return true;
        }

        var power = text[(exponent + 1)..];
        power = power.Length > 0 && power[0] is '-' or '+' ? power[1..] : power;
        return !power.IsEmpty && IsAll(power, "0123456789");
    }

    private static bool IsAll(ReadOnlySpan<char> text, ReadOnlySpan<char> allowed) => text.IndexOfAnyExcept(allowed) < 0;
}
