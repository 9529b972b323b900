namespace LayerCake.Building;

/// <summary>A step took longer than it may.</summary>
public sealed class StepTimeoutException : Exception
{
    public StepTimeoutException(string message)
        : base(message)
    {
    }
}
