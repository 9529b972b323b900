namespace LayerCake.Recipes;

/// <summary>How scales and zero points of the KV cache are found.</summary>
public sealed record KvQparamsOptions : IStepOptions
{
    /// <summary>Default int8.</summary>
    public KvCacheType Cache { get; init; } = KvQparamsFields.Cache.Default;

    /// <summary>One range around zero instead of a range with its own zero point. Default false.</summary>
    public bool Symmetric { get; init; } = KvQparamsFields.Symmetric.Default;

    public void AddTo(IKeyWriter key)
    {
        KvQparamsFields.Cache.AddTo(key, Cache);
        KvQparamsFields.Symmetric.AddTo(key, Symmetric);
    }
}
