using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// <see cref="DecodeAttention"/> at one vector width. One head takes the values from memory straight to its sums; for several, a few tokens at a time become float32 in the
/// first-level cache, then every head reads them there.
/// </summary>
internal static unsafe class CacheKernel<TVectors, TVector>
    where TVectors : struct, IVectors<TVector>
    where TVector : struct
{
    private const int Lanes = Float16Lanes.Width;

    // 16 KB.
    private const int TileFloats = 4096;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Scores(in CachedTokens keys, float* queries, int heads, float* scores, nint stride)
    {
        if (heads == 1 && keys.Type == CacheType.Int8)
        {
            Scores(keys, queries, scores);
            return;
        }

        var tile = stackalloc float[TileFloats];
        var lanes = stackalloc float[Lanes];
        var size = keys.HeadSize;
        for (var first = 0; first < keys.Count; first += TileFloats / size)
        {
            var count = Math.Min(TileFloats / size, keys.Count - first);
            Expand(keys, first, count, tile);
            for (var head = 0; head < heads; head++)
            {
                var query = queries + ((nint)head * size);
                var key = tile;
                for (var token = 0; token < count; token++, key += size)
                {
                    for (var lane = 0; lane < Lanes; lane += TVectors.Width)
                    {
                        var sum = TVectors.Multiply(TVectors.Load(query + lane), TVectors.Load(key + lane));
                        for (var i = lane + Lanes; i < size; i += Lanes)
                        {
                            sum = TVectors.FusedMultiplyAdd(TVectors.Load(query + i), TVectors.Load(key + i), sum);
                        }

                        TVectors.Store(sum, lanes + lane);
                    }

                    scores[(head * stride) + first + token] = Float16Lanes.Sum(Vector512.Load(lanes));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void AddValues(in CachedTokens values, float* weights, nint stride, int heads, float* results)
    {
        if (heads == 1 && values.Type == CacheType.Int8)
        {
            AddValues(values, weights, results);
            return;
        }

        var tile = stackalloc float[TileFloats];
        var size = values.HeadSize;
        for (var first = 0; first < values.Count; first += TileFloats / size)
        {
            var count = Math.Min(TileFloats / size, values.Count - first);
            Expand(values, first, count, tile);
            for (var head = 0; head < heads; head++)
            {
                for (var i = 0; i < size; i += 2 * TVectors.Width)
                {
                    AddValues(tile + i, size, count, weights + (head * stride) + first, results + ((nint)head * size) + i, i + TVectors.Width < size);
                }
            }
        }
    }

    /// <summary>One head's scores with bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    private static void Scores(in CachedTokens keys, float* query, float* scores)
    {
        var lanes = stackalloc float[Lanes];
        nint size = keys.HeadSize;
        var key = keys.Data;
        var (factor, added) = (keys.Scale, keys.Offset);
        var (scale, offset) = (TVectors.Broadcast(&factor), TVectors.Broadcast(&added));
        for (var token = 0; token < keys.Count; token++, key += size)
        {
            for (nint line = 0; line < size; line += Prefetch.Line)
            {
                Prefetch.Ahead(key + line);
            }

            for (var lane = 0; lane < Lanes; lane += TVectors.Width)
            {
                var sum = TVectors.Multiply(TVectors.Load(query + lane), Value(key + lane, scale, offset));
                for (nint i = lane + Lanes; i < size; i += Lanes)
                {
                    sum = TVectors.FusedMultiplyAdd(TVectors.Load(query + i), Value(key + i, scale, offset), sum);
                }

                TVectors.Store(sum, lanes + lane);
            }

            scores[token] = Float16Lanes.Sum(Vector512.Load(lanes));
        }
    }

    /// <summary>One head's sum of weighted bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddValues(in CachedTokens values, float* weights, float* results)
    {
        nint size = values.HeadSize;
        nint width = TVectors.Width;
        var (factor, added) = (values.Scale, values.Offset);
        var (scale, offset) = (TVectors.Broadcast(&factor), TVectors.Broadcast(&added));
        nint i = 0;
        for (; i <= size - (4 * width); i += 4 * width)
        {
            var value = values.Data + i;
            var (sum0, sum1) = (TVectors.Load(results + i), TVectors.Load(results + i + width));
            var (sum2, sum3) = (TVectors.Load(results + i + (2 * width)), TVectors.Load(results + i + (3 * width)));
            for (var token = 0; token < values.Count; token++, value += size)
            {
                Prefetch.Ahead(value);
                var weight = TVectors.Broadcast(weights + token);
                sum0 = TVectors.FusedMultiplyAdd(weight, Value(value, scale, offset), sum0);
                sum1 = TVectors.FusedMultiplyAdd(weight, Value(value + width, scale, offset), sum1);
                sum2 = TVectors.FusedMultiplyAdd(weight, Value(value + (2 * width), scale, offset), sum2);
                sum3 = TVectors.FusedMultiplyAdd(weight, Value(value + (3 * width), scale, offset), sum3);
            }

            TVectors.Store(sum0, results + i);
            TVectors.Store(sum1, results + i + width);
            TVectors.Store(sum2, results + i + (2 * width));
            TVectors.Store(sum3, results + i + (3 * width));
        }

        for (; i < size; i += width)
        {
            var value = values.Data + i;
            var sum = TVectors.Load(results + i);
            for (var token = 0; token < values.Count; token++, value += size)
            {
                sum = TVectors.FusedMultiplyAdd(TVectors.Broadcast(weights + token), Value(value, scale, offset), sum);
            }

            TVectors.Store(sum, results + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Value(byte* source, TVector scale, TVector offset) =>
        TVectors.FusedMultiplyAdd(TVectors.LoadShiftedBytes(source), scale, offset);

    /// <summary>Two vectors of a head's result, or the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddValues(float* values, nint size, int count, float* weights, float* results, bool two)
    {
        var width = two ? TVectors.Width : 0;
        var (sum0, sum1) = (TVectors.Load(results), TVectors.Load(results + width));
        for (var token = 0; token < count; token++, values += size)
        {
            var weight = TVectors.Broadcast(weights + token);
            sum0 = TVectors.FusedMultiplyAdd(weight, TVectors.Load(values), sum0);
            sum1 = TVectors.FusedMultiplyAdd(weight, TVectors.Load(values + width), sum1);
        }

        TVectors.Store(sum0, results);
        TVectors.Store(sum1, results + width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Expand(in CachedTokens tokens, int first, int count, float* to)
    {
        nint from = first * tokens.HeadSize;
        nint elements = count * tokens.HeadSize;
        switch (tokens.Type)
        {
            case CacheType.Int8:
                var (factor, added) = (tokens.Scale, tokens.Offset);
                var (scale, offset) = (TVectors.Broadcast(&factor), TVectors.Broadcast(&added));
                for (nint i = 0; i < elements; i += TVectors.Width)
                {
                    Prefetch.Ahead(tokens.Data + from + i);
                    TVectors.Store(Value(tokens.Data + from + i, scale, offset), to + i);
                }

                break;
            case CacheType.Float16:
                for (nint i = 0; i < elements; i += TVectors.Width)
                {
                    Prefetch.Ahead((ushort*)tokens.Data + from + i);
                    TVectors.Store(TVectors.LoadFloat16((ushort*)tokens.Data + from + i), to + i);
                }

                break;
            default:
                for (nint i = 0; i < elements; i += TVectors.Width)
                {
                    Prefetch.Ahead((ushort*)tokens.Data + from + i);
                    TVectors.Store(TVectors.LoadBFloat16((ushort*)tokens.Data + from + i), to + i);
                }

                break;
        }
    }
}
