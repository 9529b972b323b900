using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>A recipe that cannot be built. The message is ready to print: one line for each fault.</summary>
public sealed class RecipeException : Exception
{
    public RecipeException(IReadOnlyList<RecipeFault> faults)
        : base(Print(faults)) => Faults = faults;

    public RecipeException(RecipeFault fault)
        : this([fault])
    {
    }

    /// <summary>All faults, in the order of the file, then of the arguments.</summary>
    public IReadOnlyList<RecipeFault> Faults { get; }

    private static string Print(IReadOnlyList<RecipeFault> faults)
    {
        var lines = faults.Take(RecipeLimits.PrintedFaults).Select(fault => fault.ToString()).ToList();
        if (faults.Count > lines.Count)
        {
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"… and {faults.Count - lines.Count} more"));
        }

        return string.Join('\n', lines);
    }
}
