using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>The factor of queries beyond the trained length P (<c>use_logn_attn</c>): log2(t + 1) / log2(P) at position t, if t + 1 is more than P, else 1.</summary>
internal static class LogN
{
    public static float Of(EngineConfiguration configuration, int position)
    {
        var trained = configuration.MaxPositionEmbeddings;
        return configuration.UseLogNAttention && trained > 1 && position + 1 > trained
            ? (float)(Math.Log2(position + 1) / Math.Log2(trained))
            : 1f;
    }
}
