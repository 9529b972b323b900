namespace LayerCake.Building;

/// <summary>
/// One thing that happened in a build. Everything that is shown of a build, live or from a log, is made of these alone, so the two cannot differ.
/// </summary>
public abstract record BuildEvent
{
    /// <summary>Since the build began, by a clock that nobody sets; whole milliseconds.</summary>
    public TimeSpan At { get; init; }
}

/// <summary>Something that happened to one step.</summary>
/// <param name="Recipe">The recipe's name; a variant's where there are several.</param>
/// <param name="Step">The step's name.</param>
public abstract record StepEvent(string Recipe, string Step) : BuildEvent;

/// <summary>The first event of a log.</summary>
/// <param name="Recipes">What is built.</param>
/// <param name="Jobs">How many steps may run at once.</param>
/// <param name="ProgramVersion">LayerCake's version.</param>
/// <param name="Clock">Reading of the machine's monotonic clock, in milliseconds; other processes that add to the log count from it.</param>
public sealed record BuildStarted(IReadOnlyList<string> Recipes, int Jobs, string ProgramVersion, long Clock) : BuildEvent;

/// <summary>What a step was expected to do before anything ran.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Step">The step.</param>
/// <param name="Key">Its key.</param>
/// <param name="Outcome"><c>cached</c>, <c>remote</c> or <c>run</c>.</param>
/// <param name="Reason">Why.</param>
/// <param name="After">The steps whose outputs it reads.</param>
public sealed record StepPlanned(string Recipe, string Step, StepKey Key, string Outcome, string Reason, IReadOnlyList<string> After) : StepEvent(Recipe, Step);

/// <summary>A step was given a place to run; its result may turn out to be there.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Step">The step.</param>
/// <param name="Attempt">From 1.</param>
public sealed record StepStarted(string Recipe, string Step, int Attempt) : StepEvent(Recipe, Step);

/// <summary>A line that a step prints.</summary>
public sealed record StepLine(string Recipe, string Step, string Text) : StepEvent(Recipe, Step);

/// <summary>Something that did not stop the step but should be known.</summary>
public sealed record StepWarning(string Recipe, string Step, string Text) : StepEvent(Recipe, Step);

/// <summary>How far a step is. Not every one is kept: a few a second, and the last.</summary>
public sealed record StepProgress(string Recipe, string Step, string What, long Done, long Total) : StepEvent(Recipe, Step);

/// <summary>Another process makes the same.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Step">The step.</param>
/// <param name="What">What is waited for.</param>
/// <param name="Owner">Who makes it; null where that is not known.</param>
public sealed record StepWaiting(string Recipe, string Step, string What, string? Owner) : StepEvent(Recipe, Step);

/// <summary>A step failed in a way that may pass, and is tried again.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Step">The step.</param>
/// <param name="Attempt">Which attempt failed, from 1.</param>
/// <param name="Attempts">How many there may be.</param>
/// <param name="Message">Why it failed.</param>
public sealed record StepRetried(string Recipe, string Step, int Attempt, int Attempts, string Message) : StepEvent(Recipe, Step);

/// <summary>A step's result is in the store.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Step">The step.</param>
/// <param name="Key">Its key.</param>
/// <param name="Outcome">One of <see cref="OutcomeWords"/>.</param>
/// <param name="Reason">Why it ran, or why it need not.</param>
/// <param name="Elapsed">From its start, waiting included; whole milliseconds.</param>
/// <param name="Bytes">Size of the result.</param>
public sealed record StepFinished(string Recipe, string Step, StepKey Key, string Outcome, string Reason, TimeSpan Elapsed, long Bytes) : StepEvent(Recipe, Step);

/// <summary>A step failed; nothing of it is stored.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Step">The step.</param>
/// <param name="Key">Its key.</param>
/// <param name="Message">Why.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Elapsed">From its start.</param>
/// <param name="LastLines">The last lines it printed, at most <see cref="MaxLastLines"/>.</param>
/// <param name="Again">The command that runs this step alone; null where there is none.</param>
/// <param name="Kept">The folder with what it had written; null where that was not asked for.</param>
public sealed record StepFailed(
    string Recipe, string Step, StepKey Key, string Message, int Attempts, TimeSpan Elapsed, IReadOnlyList<string> LastLines, string? Again, string? Kept)
    : StepEvent(Recipe, Step)
{
    public const int MaxLastLines = 5;

    /// <summary>The message as it was thrown, with full paths; for the console of whoever runs the build, never written to a log.</summary>
    public string? FullMessage { get; init; }
}

/// <summary>A step that was not run since one before it failed, or the build stopped.</summary>
public sealed record StepSkipped(string Recipe, string Step, string Reason) : StepEvent(Recipe, Step);

/// <summary>The last event of a log.</summary>
/// <param name="Succeeded">Whether every step has its result.</param>
/// <param name="Rows">The table of steps, in the order of the plan.</param>
/// <param name="Outputs">Where finished packages lie, by recipe, as people write it.</param>
/// <param name="FirstFailure">Message of the first step that failed; null where none did.</param>
public sealed record BuildFinished(
    bool Succeeded, IReadOnlyList<BuildRow> Rows, IReadOnlyList<KeyValuePair<string, string>> Outputs, string? FirstFailure) : BuildEvent;
