using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>A share, written <c>25%</c> or <c>2.5 %</c>.</summary>
/// <param name="Percent">As it is written: 25 for a quarter.</param>
public readonly record struct Percentage(decimal Percent)
{
    internal const string Pattern = "^(0|[1-9][0-9]{0,3})([.][0-9]{1,3})? ?%$";

    /// <summary>0.25 for a quarter.</summary>
    public double Share => (double)(Percent / 100);

    /// <summary>Reads a decimal number of at most four digits before and three after the point, and a percent sign.</summary>
    public static bool TryParse(string text, out Percentage percentage)
    {
        percentage = default;
        if (!text.EndsWith('%'))
        {
            return false;
        }

        var number = text[..^1];
        number = number.EndsWith(' ') ? number[..^1] : number;
        var point = number.IndexOf('.');
        var (whole, fraction) = point < 0 ? (number, "0") : (number[..point], number[(point + 1)..]);
        if (whole.Length is < 1 or > 4 || fraction.Length is < 1 or > 3 || !whole.All(char.IsAsciiDigit) || !fraction.All(char.IsAsciiDigit) || (whole.Length > 1 && whole[0] == '0'))
        {
            return false;
        }

        percentage = new Percentage(decimal.Parse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>In the shortest form: <c>25%</c> for <c>25.0 %</c>.</summary>
    public override string ToString() => Percent.ToString("0.###", CultureInfo.InvariantCulture) + "%";
}
