namespace LayerCake.Reporting;

/// <summary>Numbers below a plot with a column a layer.</summary>
internal static class LayerMarks
{
    /// <summary>Every how many layers a number fits on a narrow screen.</summary>
    public static int Every(int layers) => layers switch
    {
        <= 12 => 1,
        <= 24 => 2,
        <= 48 => 4,
        <= 100 => 8,
        _ => (layers + 11) / 12,
    };
}
