namespace LayerCake.Text.Chat;

/// <summary>A template, role or setting that does not exist or does not fit, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class ChatTemplateException : Exception
{
    public ChatTemplateException(string message)
        : base(message)
    {
    }

    public ChatTemplateException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
