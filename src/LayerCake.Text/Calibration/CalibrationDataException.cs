namespace LayerCake.Text;

/// <summary>A calibration set that cannot be used, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class CalibrationDataException : Exception
{
    public CalibrationDataException(string message)
        : base(message)
    {
    }

    public CalibrationDataException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
