namespace LayerCake.Calibration;

/// <summary>A calibration that cannot give usable statistics, told to the user: what, where, what to do. Never a bug of ours.</summary>
public sealed class CalibrationException : Exception
{
    public CalibrationException(string message)
        : base(message)
    {
    }

    public CalibrationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
