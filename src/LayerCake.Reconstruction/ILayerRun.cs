namespace LayerCake.Reconstruction;

/// <summary>Quantizes the layers of a model in turn, somewhere.</summary>
internal interface ILayerRun : IDisposable
{
    /// <summary>What a run that goes on starts from, in a fixed order; empty where activations are not looked at.</summary>
    IReadOnlyList<IKeptStates> States { get; }

    /// <summary>Quantizes a layer. Called for every layer in turn from the first that is not finished.</summary>
    IQuantizedLayer Run(int layer);

    /// <summary>Added to a layer's line of progress; null for nothing.</summary>
    string? Remark { get; }
}
