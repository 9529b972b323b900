using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>A release of LMDeploy.</summary>
public readonly record struct EngineRelease(int Major, int Minor, int Patch) : IComparable<EngineRelease>
{
    // Keeps the three parts apart when releases are laid out on one line to find the nearest.
    private const int PartLimit = 1000;

    private long Position => (((long)Major * PartLimit) + Minor) * PartLimit + Patch;

    /// <summary>Reads <c>0.1.0</c>: three numbers below 1000 without leading zeros.</summary>
    public static bool TryParse(string text, out EngineRelease release)
    {
        release = default;
        var parts = text.Split('.');
        var numbers = new int[3];
        if (parts.Length != numbers.Length)
        {
            return false;
        }

        for (var i = 0; i < numbers.Length; i++)
        {
            if (parts[i].Length is 0 or > 3 || (parts[i].Length > 1 && parts[i][0] == '0') || !parts[i].All(char.IsAsciiDigit))
            {
                return false;
            }

            numbers[i] = int.Parse(parts[i], CultureInfo.InvariantCulture);
        }

        release = new EngineRelease(numbers[0], numbers[1], numbers[2]);
        return true;
    }

    public int CompareTo(EngineRelease other) => Position.CompareTo(other.Position);

    public static bool operator <(EngineRelease left, EngineRelease right) => left.CompareTo(right) < 0;

    public static bool operator >(EngineRelease left, EngineRelease right) => left.CompareTo(right) > 0;

    public static bool operator <=(EngineRelease left, EngineRelease right) => left.CompareTo(right) <= 0;

    public static bool operator >=(EngineRelease left, EngineRelease right) => left.CompareTo(right) >= 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}.{Patch}");

    internal long DistanceTo(EngineRelease other) => Math.Abs(Position - other.Position);
}
