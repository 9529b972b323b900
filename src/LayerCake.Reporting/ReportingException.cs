namespace LayerCake.Reporting;

/// <summary>Something that cannot be compared or reported; the text says what, where and what to do.</summary>
public sealed class ReportingException : Exception
{
    public ReportingException(string message)
        : base(message)
    {
    }

    public ReportingException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
