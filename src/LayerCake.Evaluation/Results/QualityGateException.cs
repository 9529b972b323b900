namespace LayerCake.Evaluation;

/// <summary>A model lost more than it may.</summary>
public sealed class QualityGateException : Exception
{
    /// <param name="what">What is refused, as a sentence's subject: <c>the package demo</c>.</param>
    /// <param name="report">What was measured.</param>
    /// <param name="results">The limits, at least one of them failed.</param>
    internal QualityGateException(string what, QualityReport report, IReadOnlyList<GateResult> results)
        : base($"{what} lost more than it may: "
            + string.Join(", ", results.Where(result => !result.Passed).Select(result => $"{result.Name} of {result.Variant} is {result.Value}, at most {result.Limit} is allowed"))
            + "\n" + string.Join("\n", QualityTable.Lines(report)))
    {
        Results = results;
    }

    /// <summary>All limits.</summary>
    public IReadOnlyList<GateResult> Results { get; }
}
