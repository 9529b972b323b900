using System.Runtime.ExceptionServices;

namespace LayerCake.Building;

/// <summary>How a build ended.</summary>
/// <param name="Rows">Every step wanted, in the order of the plans.</param>
/// <param name="Results">The steps that have their results, in the same order, with the recipe of each.</param>
/// <param name="Failures">What went wrong, in the order it did.</param>
public sealed record BuildOutcome(
    IReadOnlyList<BuildRow> Rows, IReadOnlyList<KeyValuePair<string, StepResult>> Results, IReadOnlyList<Exception> Failures)
{
    public bool Succeeded => Failures.Count == 0;

    /// <summary>Throws the first failure as the step threw it.</summary>
    public void ThrowIfFailed()
    {
        if (Failures.Count > 0)
        {
            ExceptionDispatchInfo.Throw(Failures[0]);
        }
    }
}
