namespace LayerCake.Reporting;

/// <summary>Round numbers for the marks of an axis.</summary>
internal static class Axis
{
    /// <summary>The distance of marks, 1, 2 or 5 times a power of ten, so that about <paramref name="marks"/> fit into the length.</summary>
    public static double Step(double length, int marks)
    {
        if (!(length > 0) || !double.IsFinite(length))
        {
            return 1;
        }

        var rough = length / marks;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return (rough / power) switch
        {
            <= 1 => power,
            <= 2 => 2 * power,
            <= 5 => 5 * power,
            _ => 10 * power,
        };
    }

    /// <summary>The marks from <paramref name="min"/> to <paramref name="max"/>, both included where they are round.</summary>
    public static IEnumerable<double> Marks(double min, double max, int marks)
    {
        var step = Step(max - min, marks);
        for (var i = Math.Ceiling((min / step) - 1e-9); i <= (max / step) + 1e-9; i++)
        {
            // Zero and not -0.
            yield return i == 0 ? 0 : i * step;
        }
    }
}
