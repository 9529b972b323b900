namespace LayerCake.Runtime;

/// <summary>A device with the model's weights. One caller at a time.</summary>
internal interface IBackend : IDisposable
{
    long WeightBytes { get; }

    /// <summary>Bytes that a share of the device's memory is a share of.</summary>
    long DeviceBytes { get; }

    KeyValueCacheType KeyValueCache { get; }

    BlockPool CreatePool(int layerCount, int blockTokens, int limit);

    /// <summary>Bytes of keys and values of one token in one layer.</summary>
    long CacheBytesPerToken { get; }

    /// <summary>Takes the rows through all layers and the final norm; keys and values go into the segments' blocks.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="observer">Sees values inside the layers, for a batch of one segment; or null.</param>
    /// <param name="isAborted">Asked before every layer.</param>
    /// <returns>False if it was aborted: the blocks then hold nothing new that counts.</returns>
    bool Forward(ForwardBatch batch, IActivationObserver? observer, Func<bool>? isAborted);

    /// <summary>Logits of rows of the last <see cref="Forward"/>, float32 [rows, vocabulary].</summary>
    void Logits(ReadOnlySpan<int> rows, Span<float> logits);

    /// <summary>Takes hidden states [rows, hidden] through one layer, in place. The segment's pool has one layer.</summary>
    void RunLayer(int layer, ForwardBatch batch, Span<float> hidden, IActivationObserver? observer);

    /// <summary>Rows of a linear's weights [inputs, outputs].</summary>
    void ReadWeight(int layer, Linear linear, int firstInput, Span<float> destination);
}
