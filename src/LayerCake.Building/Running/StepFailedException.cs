namespace LayerCake.Building;

/// <summary>A step that was run alone failed; the events have said so already.</summary>
public sealed class StepFailedException : Exception
{
    public StepFailedException(string step, Exception failure)
        : base($"{step} failed: {failure.Message}", failure)
    {
        Failure = failure;
    }

    /// <summary>What the step threw.</summary>
    public Exception Failure { get; }
}
