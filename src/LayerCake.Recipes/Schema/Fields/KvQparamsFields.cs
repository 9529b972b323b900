namespace LayerCake.Recipes;

internal static class KvQparamsFields
{
    public static readonly ChoiceField<KvCacheType> Cache = new(
        "kv_qparams", "cache", "How keys and values are kept. The engine's release decides the number that says so.",
        [("int8", KvCacheType.Int8), ("int4", KvCacheType.Int4)], KvCacheType.Int8)
    {
        Offered = ["int8"],
        Examples = ["int8"],
    };

    public static readonly BooleanField Symmetric = new(
        "kv_qparams", "symmetric", "One range around zero instead of a range with its own zero point.", @default: false)
    {
        Examples = ["false", "true"],
    };
}
