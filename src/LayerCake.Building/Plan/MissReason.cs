using System.Text;

namespace LayerCake.Building;

/// <summary>Says in the user's words why a step must run.</summary>
internal static class MissReason
{
    private const string Recipe = "recipe.";
    private const string Environment = "environment.";
    private const string Inputs = "inputs.";
    private const string After = "after.";

    /// <param name="builtBefore">Whether this step of this recipe was built before.</param>
    /// <param name="changes">What changed since.</param>
    /// <param name="before">The steps before it.</param>
    public static string Of(bool builtBefore, IReadOnlyList<KeyDifference> changes, IReadOnlyDictionary<string, PlannedStep> before)
    {
        if (!builtBefore)
        {
            return "never built";
        }

        var own = new StringBuilder();
        var earlier = new StringBuilder();
        foreach (var change in changes)
        {
            if (change.Field.StartsWith(After, StringComparison.Ordinal))
            {
                Append(earlier, EarlierStep(change, before), "; ");
            }
            else
            {
                Append(own, Describe(change), ", ");
            }
        }

        if (own.Length > 0)
        {
            own.Insert(0, "changed: ");
        }

        if (earlier.Length > 0)
        {
            Append(own, earlier.ToString(), "; ");
        }

        return own.Length > 0 ? own.ToString() : "its result is no longer in the store";
    }

    /// <summary>The changes alone, in the user's words; empty where there are none.</summary>
    public static string OfChanges(IReadOnlyList<KeyDifference> changes)
    {
        var text = new StringBuilder();
        foreach (var change in changes)
        {
            var earlier = change.Field.StartsWith(After, StringComparison.Ordinal);
            Append(text, earlier ? $"{change.Field[After.Length..]} changed" : Describe(change), ", ");
        }

        return text.ToString();
    }

    private static string Describe(KeyDifference change)
    {
        var digest = change.Field.StartsWith(Inputs, StringComparison.Ordinal);
        var name = change.Field switch
        {
            "version" => "the step's implementation",
            "format" => "the store's format",
            _ when digest => "input " + change.Field[Inputs.Length..],
            _ when change.Field.StartsWith(Recipe, StringComparison.Ordinal) => change.Field[Recipe.Length..],
            _ when change.Field.StartsWith(Environment, StringComparison.Ordinal) => change.Field[Environment.Length..],
            _ => change.Field,
        };
        var old = digest ? Shortened(change.Old) : change.Old;
        var @new = digest ? Shortened(change.New) : change.New;
        return (old, @new) switch
        {
            (null, _) => $"{name} {@new} (new)",
            (_, null) => $"{name} {old} (gone)",
            _ => $"{name} {old} → {@new}",
        };
    }

    private static string EarlierStep(KeyDifference change, IReadOnlyDictionary<string, PlannedStep> before)
    {
        var name = change.Field[After.Length..];
        return change.New is null ? $"{name} is no longer before it"
            : before.TryGetValue(name, out var step) && step.Outcome == PlannedOutcome.Miss ? $"{name} will run"
            : $"{name} changed";
    }

    private static string? Shortened(string? digest) => digest is { Length: > 12 } ? digest[..12] : digest;

    private static void Append(StringBuilder text, string part, string separator)
    {
        if (text.Length > 0)
        {
            text.Append(separator);
        }

        text.Append(part);
    }
}
