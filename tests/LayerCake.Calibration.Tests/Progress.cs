namespace LayerCake.Calibration.Tests;

/// <summary>Passes reports on at once and one at a time; the framework's own class hands them to other threads, later.</summary>
internal sealed class Progress(Action<CalibrationProgress> action) : IProgress<CalibrationProgress>
{
    private readonly Lock _gate = new();

    public void Report(CalibrationProgress value)
    {
        lock (_gate)
        {
            action(value);
        }
    }
}
