using System.Diagnostics;
using System.Globalization;
using LayerCake.Building;
using LayerCake.Calibration;
using LayerCake.Torch;

namespace LayerCake.Steps;

/// <summary>
/// Passes on, on the reporting thread, the line of a finished layer and how many samples of all layers are done; on a GPU how fast that is and the memory it takes.
/// </summary>
internal sealed class CalibrationReport(IBuildReporter reporter, long tokens, DeviceKind device) : IProgress<CalibrationProgress>
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private TimeSpan? _firstLayer;
    private long _peak;

    public void Report(CalibrationProgress value)
    {
        var done = ((long)value.Layer * value.SampleCount) + value.SamplesDone;
        var total = (long)value.LayerCount * value.SampleCount;
        reporter.Progress(device == DeviceKind.Cpu ? "samples" : What(done, total, value.PeakDeviceMemory), done, total);
        if (value.CompletedLine is { } line)
        {
            _peak = value.PeakDeviceMemory;
            _firstLayer ??= Stopwatch.GetElapsedTime(_started);
            reporter.Line(line);
        }
    }

    /// <summary>The line at the end: on a GPU, tokens a second through the whole model.</summary>
    public void Summarize()
    {
        if (device == DeviceKind.Cpu)
        {
            return;
        }

        var seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        reporter.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"{tokens} tokens in {seconds:0.0} s, the first layer after {(_firstLayer ?? TimeSpan.Zero).TotalSeconds:0.0} s: {tokens / seconds:0} tokens/s, at most {_peak / 1073741824.0:0.00} GB of GPU memory"));
    }

    private string What(long done, long total, long memory)
    {
        var rate = tokens * ((double)done / total) / Math.Max(Stopwatch.GetElapsedTime(_started).TotalSeconds, 0.001);
        return string.Create(CultureInfo.InvariantCulture, $"samples, {rate:0} tokens/s, {memory / 1073741824.0:0.00} GB of GPU memory");
    }
}
