namespace LayerCake.Models;

/// <summary>A model this build cannot work with (configuration, architecture, tensors), told to the user: what, where, what to do.</summary>
public sealed class ModelException : Exception
{
    public ModelException(string message)
        : base(message)
    {
    }

    public ModelException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
