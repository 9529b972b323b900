namespace LayerCake.Text;

/// <summary>A tokenizer that cannot be used, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class TokenizerException : Exception
{
    public TokenizerException(string message)
        : base(message)
    {
    }

    public TokenizerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
