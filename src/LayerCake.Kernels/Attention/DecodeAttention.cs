using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// The two passes of a decoding step over the cache: scores of queries with cached keys, and the sum of weighted values. Float32, read from bytes or 16-bit values as they
/// lie; the same bits at every vector width.
/// </summary>
public static unsafe class DecodeAttention
{
    /// <summary>
    /// scores[h][t] = query h · key t, for the query heads that share the KV head. Sums are in sixteen lanes (element i in lane i mod 16), then as
    /// <see cref="Float16Lanes.Sum"/> adds them.
    /// </summary>
    /// <param name="queries">[heads][head size].</param>
    /// <param name="scores">Rows <paramref name="stride"/> apart, of at least as many values as there are tokens.</param>
    public static void Scores(in CachedTokens keys, float* queries, int heads, float* scores, nint stride) =>
        Scores(keys, queries, heads, scores, stride, WeightMatrix.BestWidth);

    /// <summary>results[h] += Σ weights[h][t] · value t, one chain of fused multiply-adds an element, in the order of the tokens.</summary>
    /// <param name="weights">Rows <paramref name="stride"/> apart.</param>
    /// <param name="results">[heads][head size].</param>
    public static void AddValues(in CachedTokens values, float* weights, nint stride, int heads, float* results) =>
        AddValues(values, weights, stride, heads, results, WeightMatrix.BestWidth);

    internal static void Scores(in CachedTokens keys, float* queries, int heads, float* scores, nint stride, int width)
    {
        switch (width)
        {
            case 512:
                CacheKernel<Vectors512, Vector512<float>>.Scores(keys, queries, heads, scores, stride);
                break;
            case 256:
                CacheKernel<Vectors256, Vector256<float>>.Scores(keys, queries, heads, scores, stride);
                break;
            default:
                CacheKernel<Vectors128, Vector128<float>>.Scores(keys, queries, heads, scores, stride);
                break;
        }
    }

    internal static void AddValues(in CachedTokens values, float* weights, nint stride, int heads, float* results, int width)
    {
        switch (width)
        {
            case 512:
                CacheKernel<Vectors512, Vector512<float>>.AddValues(values, weights, stride, heads, results);
                break;
            case 256:
                CacheKernel<Vectors256, Vector256<float>>.AddValues(values, weights, stride, heads, results);
                break;
            default:
                CacheKernel<Vectors128, Vector128<float>>.AddValues(values, weights, stride, heads, results);
                break;
        }
    }
}
