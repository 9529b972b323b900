namespace LayerCake.Recipes;

/// <summary>How the checkpoint is laid out for TurboMind.</summary>
public sealed record ConvertOptions : IStepOptions
{
    /// <summary>Default 1.</summary>
    public TensorParallel TensorParallel { get; init; } = ConvertFields.TensorParallel.Default;

    /// <summary>Default auto. With auto_awq it is auto, and the weights are int4.</summary>
    public WeightType WeightType { get; init; } = ConvertFields.WeightType.Default;

    public void AddTo(IKeyWriter key)
    {
        ConvertFields.TensorParallel.AddTo(key, TensorParallel);
        ConvertFields.WeightType.AddTo(key, WeightType);
    }
}
