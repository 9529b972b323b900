namespace LayerCake.Evaluation;

/// <summary>Something that cannot be measured or compared, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class EvaluationException : Exception
{
    public EvaluationException(string message)
        : base(message)
    {
    }

    public EvaluationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
