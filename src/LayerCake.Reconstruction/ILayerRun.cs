namespace LayerCake.Reconstruction;

/// <summary>Quantizes the layers of a model in turn, somewhere.</summary>
internal interface ILayerRun : IDisposable
{
    /// <summary>What a run that goes on starts from, in a fixed order; empty where activations are not looked at.</summary>
    IReadOnlyList<IKeptStates> States { get; }

    /// <summary>Layers that are quantized together; the last ones of a model may be fewer.</summary>
    int LayersAtOnce { get; }

    /// <summary>Quantizes so many layers. Called for all of them in turn from the first that is not finished.</summary>
    /// <param name="first">The first of the layers.</param>
    /// <param name="progress">Takes lines while it goes on.</param>
    /// <returns>The layers, which are the caller's.</returns>
    IReadOnlyList<IQuantizedLayer> Run(int first, Action<string> progress);

    /// <summary>Added to a layer's line of progress; null for nothing.</summary>
    string? Remark { get; }
}
