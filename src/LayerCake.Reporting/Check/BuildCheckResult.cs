namespace LayerCake.Reporting;

/// <summary>What building again showed.</summary>
/// <param name="Steps">The steps that were built again, in order.</param>
/// <param name="Failure">The first step that gave other bytes; null where all gave the same.</param>
public sealed record BuildCheckResult(IReadOnlyList<string> Steps, CheckFailure? Failure);

/// <summary>A step that gave other bytes from the same inputs.</summary>
/// <param name="Step">Its name.</param>
/// <param name="File">The first file that differs, within the step's output.</param>
/// <param name="Difference">The stored output (A) against the new one (B).</param>
public sealed record CheckFailure(string Step, string File, PackageDifference Difference)
{
    /// <summary>One sentence: step, file, tensor.</summary>
    public string Message => $"{Step} is not deterministic: run again on the same inputs it wrote another {File}; {Difference.First ?? "no tensor differs"} "
        + "(A is the result in the store, B the new one)";
}
