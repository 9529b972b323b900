using System.Globalization;

namespace LayerCake.Checkpoints;

/// <summary>Numbers as Python's <c>repr</c> prints them: in configuration files and log lines that Python programs wrote and read.</summary>
public static class PythonFloat
{
    /// <summary>
    /// Shortest digits that round-trip; exponent form with at least two exponent digits when the decimal exponent is below -4 or at least 16.
    /// For example <c>1e-06</c>, <c>10000.0</c>, <c>0.5</c>, <c>1e+16</c>, <c>nan</c>, <c>-inf</c>.
    /// </summary>
    public static string Format(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        if (value == 0)
        {
            return double.IsNegative(value) ? "-0.0" : "0.0";
        }

        var (digits, exponent) = ShortestDigits(Math.Abs(value));
        var sign = value < 0 ? "-" : "";
        if (exponent is < -4 or >= 16)
        {
            var fraction = digits.Length > 1 ? $".{digits[1..]}" : "";
            var exponentSign = exponent < 0 ? '-' : '+';
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{digits[0]}{fraction}e{exponentSign}{Math.Abs(exponent):00}");
        }

        if (exponent < 0)
        {
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        }

        var whole = digits.Length > exponent + 1 ? digits[..(exponent + 1)] : digits.PadRight(exponent + 1, '0');
        var rest = digits.Length > exponent + 1 ? digits[(exponent + 1)..] : "0";
        return $"{sign}{whole}.{rest}";
    }

    /// <summary>The significant digits without trailing zeros, and the decimal exponent of the first of them.</summary>
    private static (string Digits, int Exponent) ShortestDigits(double value)
    {
        // "R" is shortest-round-trip in .NET; only its choice between fixed and exponent form differs from Python's.
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        var exponent = 0;
        var mark = text.IndexOf('E');
        if (mark >= 0)
        {
            exponent = int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            text = text[..mark];
        }

        var point = text.IndexOf('.');
        var wholeLength = point < 0 ? text.Length : point;
        var all = point < 0 ? text : text.Remove(point, 1);
        var leadingZeros = all.Length - all.TrimStart('0').Length;
        return (all.Trim('0'), exponent + wholeLength - leadingZeros - 1);
    }
}
