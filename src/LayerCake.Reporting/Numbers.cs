using System.Globalization;

namespace LayerCake.Reporting;

/// <summary>Numbers as people read them, the same in every culture.</summary>
internal static class Numbers
{
    public static string Text(double value) => value.ToString("G9", CultureInfo.InvariantCulture);

    /// <summary>Three digits: <c>0.0123</c>, <c>1.23e-05</c>.</summary>
    public static string Short(double value) => value == 0 ? "0"
        : double.IsNaN(value) ? "?"
        : Math.Abs(value) is >= 1e-3 and < 1e4 ? value.ToString("G3", CultureInfo.InvariantCulture)
        : value.ToString("0.00e+00", CultureInfo.InvariantCulture);

    /// <summary>With thin groups: <c>1,234,567</c>.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>In the unit that fits, powers of ten: <c>1.23 MB</c>.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        var unit = 0;
        while (Math.Abs(bytes) >= 999.5 && unit < units.Length - 1)
        {
            bytes /= 1000;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{(unit == 0 ? bytes.ToString("0", CultureInfo.InvariantCulture) : bytes.ToString("G3", CultureInfo.InvariantCulture))} {units[unit]}");
    }
}
