using System.Globalization;

namespace LayerCake.Calibration;

/// <summary>How far a calibration is. Reported after every sample of every layer, from any thread, in no strict order.</summary>
/// <param name="Layer">The layer's number, from 0.</param>
/// <param name="LayerCount">Layers of the model.</param>
/// <param name="LayerName">The layer's module name.</param>
/// <param name="SamplesDone">Samples that have passed this layer.</param>
/// <param name="SampleCount">Samples in all.</param>
/// <param name="PeakDeviceMemory">Most GPU memory this process has held so far, in bytes; 0 on the CPU.</param>
public sealed record CalibrationProgress(int Layer, int LayerCount, string LayerName, int SamplesDone, int SampleCount, long PeakDeviceMemory)
{
    /// <summary>The line the original prints when a layer is done; null before that.</summary>
    public string? CompletedLine => SamplesDone < SampleCount ? null : string.Create(
        CultureInfo.InvariantCulture, $"{LayerName}, samples: {SampleCount}, max gpu memory: {PeakDeviceMemory / 1073741824.0:F2} GB");
}
