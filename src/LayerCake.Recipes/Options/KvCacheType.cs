namespace LayerCake.Recipes;

/// <summary>How the engine keeps keys and values. The number that an engine release has for it is in <see cref="EngineContract"/>.</summary>
public enum KvCacheType
{
    Int8,
    Int4,
}
