namespace LayerCake.Runtime;

/// <summary>A model that cannot be run or a request that cannot be served, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class RuntimeException : Exception
{
    public RuntimeException(string message)
        : base(message)
    {
    }

    public RuntimeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
