namespace LayerCake.Torch;

/// <summary>libtorch or a device that cannot be used, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class TorchException : Exception
{
    public TorchException(string message)
        : base(message)
    {
    }

    public TorchException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
