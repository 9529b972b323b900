namespace LayerCake.Building;

/// <summary>How one step of a build ended, for the table at the end.</summary>
/// <param name="Recipe">The recipe's name; a variant's where there are several.</param>
/// <param name="Step">The step's name.</param>
/// <param name="Key">Its key.</param>
/// <param name="Outcome">One of <see cref="OutcomeWords"/>.</param>
/// <param name="Reason">Why it ran, need not run, failed or was skipped.</param>
/// <param name="Started">Since the build began; whole milliseconds, zero where it never started.</param>
/// <param name="Elapsed">From its start, waiting for others included.</param>
/// <param name="Bytes">Size of its result; zero where there is none.</param>
public sealed record BuildRow(string Recipe, string Step, StepKey Key, string Outcome, string Reason, TimeSpan Started, TimeSpan Elapsed, long Bytes);
