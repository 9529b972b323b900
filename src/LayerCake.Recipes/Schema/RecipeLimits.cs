namespace LayerCake.Recipes;

/// <summary>Limits that keep a hostile or broken file from costing more than an error message.</summary>
internal static class RecipeLimits
{
    /// <summary>Size of a recipe file. The largest sensible one is some kilobytes.</summary>
    public const int FileBytes = 1 << 20;

    /// <summary>Maps and lists inside each other; a legal recipe has two levels.</summary>
    public const int Depth = 8;

    /// <summary>Recipes that extend each other, the first included.</summary>
    public const int Bases = 8;

    /// <summary>Variants of a matrix.</summary>
    public const int Variants = 256;

    /// <summary>Characters of one text value, which is at most a path.</summary>
    public const int TextLength = 4096;

    /// <summary>Faults that are printed; the rest is counted.</summary>
    public const int PrintedFaults = 50;
}
