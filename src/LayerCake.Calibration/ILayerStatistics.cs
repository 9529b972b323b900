using LayerCake.Torch.Layers;

namespace LayerCake.Calibration;

/// <summary>Statistics of all activations of a layer, kept on the device until all samples are through: waiting for each would leave the GPU idle.</summary>
internal interface ILayerStatistics : ITensorObserver, IDisposable
{
    /// <summary>The number of the first of the samples that come next. Samples that come again replace what there was.</summary>
    int FirstSample { get; set; }

    /// <summary>Waits for the device and merges all samples in their order.</summary>
    /// <returns>Statistics by activation.</returns>
    /// <exception cref="NotFiniteException">A value was not finite.</exception>
    SampleStatistics[] Merge();

    /// <summary>Begins another layer.</summary>
    void Clear();
}
