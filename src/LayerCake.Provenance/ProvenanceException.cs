namespace LayerCake.Provenance;

/// <summary>A key, signature, archive or package that cannot be used. The message says what, where, and what to do.</summary>
public sealed class ProvenanceException : Exception
{
    public ProvenanceException(string message)
        : base(message)
    {
    }

    public ProvenanceException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Whether the fault is of what is written, not of what is read.</summary>
    public bool ConcernsOutput { get; init; }
}
