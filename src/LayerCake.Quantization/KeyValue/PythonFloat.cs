using System.Globalization;

namespace LayerCake.Quantization.KeyValue;

/// <summary>Numbers as Python prints them (<c>repr</c> of a float), for lines that scripts of LMDeploy users read.</summary>
internal static class PythonFloat
{
    /// <summary>The shortest digits that read back as the same double; scientific below 1e-4 and from 1e16 on, else with at least one decimal.</summary>
    public static string Repr(double value)
    {
        if (double.IsNaN(value))
        {
            return "nan";
        }

        if (double.IsInfinity(value))
        {
            return value > 0 ? "inf" : "-inf";
        }

        var (negative, digits, exponent) = Digits(value);
        var text = exponent is >= -4 and < 16 ? Positional(digits, exponent) : Scientific(digits, exponent);
        return negative ? $"-{text}" : text;
    }

    /// <summary>value = ± d.ddd · 10^exponent, digits without trailing zeros.</summary>
    private static (bool Negative, string Digits, int Exponent) Digits(double value)
    {
        // "E16" would print 17 digits; "R" is the shortest form, in either notation.
        var text = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        var exponent = mark < 0 ? 0 : int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = mark < 0 ? text : text[..mark];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? mantissa.Length : point;
        var all = mantissa.Replace(".", "", StringComparison.Ordinal);
        var leadingZeros = all.Length - all.TrimStart('0').Length;
        var digits = all.Trim('0');
        return digits.Length == 0
            ? (double.IsNegative(value), "0", 0)
            : (double.IsNegative(value), digits, exponent + whole - 1 - leadingZeros);
    }

    private static string Positional(string digits, int exponent)
    {
        if (exponent < 0)
        {
            return $"0.{new string('0', -exponent - 1)}{digits}";
        }

        var whole = digits.PadRight(exponent + 1, '0');
        return whole.Length == exponent + 1 ? $"{whole}.0" : $"{whole[..(exponent + 1)]}.{whole[(exponent + 1)..]}";
    }

    private static string Scientific(string digits, int exponent)
    {
        var fraction = digits.Length == 1 ? "" : $".{digits[1..]}";
        var sign = exponent < 0 ? '-' : '+';
        return string.Create(CultureInfo.InvariantCulture, $"{digits[0]}{fraction}e{sign}{Math.Abs(exponent):00}");
    }
}
