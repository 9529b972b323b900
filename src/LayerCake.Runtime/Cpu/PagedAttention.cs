using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>
/// The engine's two kinds of attention. A prompt reads all keys and values back from the cache, rounded to the model's type, and its weights are rounded before they
/// meet the values. A decoding step uses its own key and value as they are and the others in float32. Each row's result depends on nothing but the row and
/// the cache, whatever else is computed with it.
/// </summary>
internal sealed unsafe class PagedAttention<T, TElement> : IPagedAttention
    where T : struct, IHalfType
    where TElement : struct, IKeyValueElement
{
    private const int D = 128;
    private const int Width = Float16Lanes.Width;
    private const int Columns = PanelProduct.Columns;
    private const int RowBlock = 32;

    private static readonly float s_scale = 1f / MathF.Sqrt(D);

    public int ElementSize => TElement.Size;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Append(in AttentionHead head, int row, float* key, float* value)
    {
        var position = head.Segment.Start + row;
        var keys = Address(head, values: false, position);
        var values = Address(head, values: true, position);
        for (var i = 0; i < D; i += Width)
        {
            TElement.Store(Vector512.Load(key + i), keys + (i * TElement.Size), head.KeyScale);
            TElement.Store(Vector512.Load(value + i), values + (i * TElement.Size), head.ValueScale);
        }
    }

    public void Run(in AttentionHead head, in AttentionRows rows, ref FloatBuffer? scratch)
    {
        var count = head.Segment.Count;
        var decoded = 0;
        for (var row = 0; row < count; row++)
        {
            decoded += rows.Decoded[rows.FirstRow + row] ? 1 : 0;
        }

        if (decoded < count)
        {
            Prefill(head, rows, ref scratch);
        }

        for (var row = 0; decoded > 0 && row < count; row++)
        {
            if (rows.Decoded[rows.FirstRow + row])
            {
                Decode(head, rows, row, ref scratch);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Decode(in AttentionHead head, in AttentionRows rows, int row, ref FloatBuffer? scratch)
    {
        var group = rows.QueryHeads / rows.KeyValueHeads;
        var position = head.Segment.Start + row;
        var padded = Pad(position + 1, Width);
        var weights = Reserve(ref scratch, (long)group * padded);
        var line = rows.QueryKeyValue + (row * rows.Stride);
        var queries = line + ((nint)head.Head * group * D);
        var ownKey = line + ((nint)(rows.QueryHeads + head.Head) * D);
        var ownValue = line + ((nint)(rows.QueryHeads + rows.KeyValueHeads + head.Head) * D);
        var result = rows.Result + (row * rows.ResultStride) + ((nint)head.Head * group * D);

        Scores(head, position, queries, group, ownKey, weights, padded);
        var totals = stackalloc float[group];
        for (var h = 0; h < group; h++)
        {
            totals[h] = Softmax(weights + ((nint)h * padded), position + 1, padded, round: false);
        }

        new Span<float>(result, group * D).Clear();
        WeightedValues(head, position, group, weights, padded, ownValue, result);
        for (var h = 0; h < group; h++)
        {
            Deliver(result + (h * D), result + (h * D), totals[h]);
        }
    }

    /// <summary>Scores of a decoding step: products with the cached keys and its own.</summary>
    private static void Scores(in AttentionHead head, int position, float* queries, int group, float* ownKey, float* weights, int padded)
    {
        var tokens = head.Segment.Pool.BlockTokens;
        for (var first = 0; first < position; first += tokens)
        {
            var keys = Cached(head, values: false, first, Math.Min(tokens, position - first));
            DecodeAttention.Scores(keys, queries, group, weights + first, padded);
        }

        for (var h = 0; h < group; h++)
        {
            weights[((nint)h * padded) + position] = Dot(queries + (h * D), ownKey);
        }
    }

    private static void WeightedValues(
        in AttentionHead head, int position, int group, float* weights, int padded, float* ownValue, float* result)
    {
        var tokens = head.Segment.Pool.BlockTokens;
        for (var first = 0; first < position; first += tokens)
        {
            var values = Cached(head, values: true, first, Math.Min(tokens, position - first));
            DecodeAttention.AddValues(values, weights + first, padded, group, result);
        }

        for (var h = 0; h < group; h++)
        {
            AddScaled(result + (h * D), weights[((nint)h * padded) + position], ownValue);
        }
    }

    /// <summary>Tokens of one block, from its first on.</summary>
    private static CachedTokens Cached(in AttentionHead head, bool values, int position, int count)
    {
        var scale = values ? head.ValueScale : head.KeyScale;
        return new CachedTokens
        {
            Data = Address(head, values, position),
            Count = count,
            HeadSize = D,
            Type = TElement.Type,
            Scale = scale.Scale,
            Offset = scale.DecodeOffset,
        };
    }

    /// <summary>All rows of the segment as a prompt: keys and values become panels, scores and results are products of blocks of rows.</summary>
    private static void Prefill(in AttentionHead head, in AttentionRows rows, ref FloatBuffer? scratch)
    {
        var length = head.Segment.Start + head.Segment.Count;
        var padded = Pad(length, Columns);
        var keys = Reserve(ref scratch, (2L * padded * D) + ((long)RowBlock * (padded + D + 1)));
        var values = keys + ((nint)padded * D);
        var weights = values + ((nint)padded * D);
        var results = weights + ((nint)RowBlock * padded);
        GatherKeys(head, length, padded, keys);
        GatherValues(head, length, values);
        var group = rows.QueryHeads / rows.KeyValueHeads;
        for (var h = head.Head * group; h < (head.Head + 1) * group; h++)
        {
            for (var row = 0; row < head.Segment.Count; row += RowBlock)
            {
                var count = Math.Min(RowBlock, head.Segment.Count - row);
                var queries = rows.QueryKeyValue + (row * rows.Stride) + ((nint)h * D);
                Block(queries, rows.Stride, head.Segment.Start + row, count, length, padded, keys, values, weights, results);
                var result = rows.Result + (row * rows.ResultStride) + ((nint)h * D);
                for (var r = 0; r < count; r++)
                {
                    Deliver(results + (r * D), result + (r * rows.ResultStride), results[((nint)RowBlock * D) + r]);
                }
            }
        }
    }

    /// <summary>Unnormalized results of a block of rows of one head, and after them, for each row, the sum of its weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block(
        float* queries, nint stride, int firstPosition, int count, int length, int padded, float* keys, float* values, float* weights, float* results)
    {
        var seen = firstPosition + count;
        for (var column = 0; column < seen; column += Columns)
        {
            PanelProduct.Multiply(queries, stride, count, keys + ((nint)column * D), weights + column, padded, D, accumulate: false);
        }

        var totals = results + (RowBlock * D);
        for (var row = 0; row < count; row++)
        {
            totals[row] = Softmax(weights + ((nint)row * padded), firstPosition + row + 1, Pad(seen, Columns), round: true);
        }

        for (var column = 0; column < D; column += Columns)
        {
            PanelProduct.Multiply(weights, padded, count, values + ((nint)column * length), results + column, D, seen, accumulate: false);
        }
    }

    /// <summary>
    /// Turns the first <paramref name="count"/> scores of a row into exp((s − max) / √128), rounded if asked for, and the rest up to <paramref name="padded"/> into
    /// zeros; returns the sum of the unrounded weights.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Softmax(float* row, int count, int padded, bool round)
    {
        var whole = count - (count % Width);
        var hidden = Vector512.Create(float.NegativeInfinity);
        var scale = Vector512.Create(s_scale);
        var most = hidden;
        for (var i = 0; i < padded; i += Width)
        {
            var score = Vector512.Load(row + i) * scale;
            if (i >= whole)
            {
                score = Vector512.ConditionalSelect(Visible(count - i), score, hidden);
            }

            most = Vector512.MaxNative(most, score);
            score.Store(row + i);
        }

        var top = Vector512.Create(Float16Lanes.Max(most));
        var sums = Vector512<float>.Zero;
        for (var i = 0; i < padded; i += Width)
        {
            var weight = Exponential.Of(Vector512.Load(row + i) - top);
            if (i >= whole)
            {
                weight = Vector512.ConditionalSelect(Visible(count - i), weight, Vector512<float>.Zero);
            }

            sums += weight;
            (round ? T.Round(weight) : weight).Store(row + i);
        }

        return Float16Lanes.Sum(sums);
    }

    /// <summary>To panels of 32 positions, [panel][d][32]; positions beyond the end are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void GatherKeys(in AttentionHead head, int length, int padded, float* keys)
    {
        var scale = Vector512.Create(head.KeyScale.Scale);
        var offset = Vector512.Create(head.KeyScale.PrefillOffset);
        var key = stackalloc float[D];
        for (var position = 0; position < padded; position++)
        {
            var to = keys + ((nint)(position / Columns) * D * Columns) + (position % Columns);
            if (position < length)
            {
                var from = Address(head, values: false, position);
                for (var i = 0; i < D; i += Width)
                {
                    TElement.LoadPrefill(from + (i * TElement.Size), scale, offset).Store(key + i);
                }
            }
            else
            {
                new Span<float>(key, D).Clear();
            }

            for (var i = 0; i < D; i++)
            {
                to[i * Columns] = key[i];
            }
        }
    }

    /// <summary>To panels of 32 channels, [panel][position][32].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void GatherValues(in AttentionHead head, int length, float* values)
    {
        var scale = Vector512.Create(head.ValueScale.Scale);
        var offset = Vector512.Create(head.ValueScale.PrefillOffset);
        for (var position = 0; position < length; position++)
        {
            var from = Address(head, values: true, position);
            for (var i = 0; i < D; i += Width)
            {
                var panel = values + ((nint)(i / Columns) * length * Columns) + ((nint)position * Columns) + (i % Columns);
                TElement.LoadPrefill(from + (i * TElement.Size), scale, offset).Store(panel);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot(float* left, float* right)
    {
        var sum = Vector512.Load(left) * Vector512.Load(right);
        for (var i = Width; i < D; i += Width)
        {
            sum = Vector512.FusedMultiplyAdd(Vector512.Load(left + i), Vector512.Load(right + i), sum);
        }

        return Float16Lanes.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddScaled(float* sums, float weight, float* value)
    {
        var factor = Vector512.Create(weight);
        for (var i = 0; i < D; i += Width)
        {
            Vector512.FusedMultiplyAdd(factor, Vector512.Load(value + i), Vector512.Load(sums + i)).Store(sums + i);
        }
    }

    private static void Deliver(float* sums, float* result, float total)
    {
        var divisor = Vector512.Create(total);
        for (var i = 0; i < D; i += Width)
        {
            T.Round(Vector512.Load(sums + i) / divisor).Store(result + i);
        }
    }

    /// <summary>All bits set in the first <paramref name="count"/> lanes.</summary>
    private static Vector512<float> Visible(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    private static byte* Address(in AttentionHead head, bool values, int position)
    {
        var pool = (CpuBlockPool)head.Segment.Pool;
        var block = pool.Head(head.Segment.Blocks[position / pool.BlockTokens], values, head.Layer, head.Head);
        return block + ((nint)(position % pool.BlockTokens) * D * TElement.Size);
    }

    private static float* Reserve(ref FloatBuffer? scratch, long count)
    {
        if (scratch is null || scratch.Count < count)
        {
            scratch?.Dispose();
            scratch = null;

            // A quarter more: a growing sequence does not ask anew for every token.
            scratch = new FloatBuffer(count + (count / 4));
        }

        return scratch.Pointer;
    }

    private static int Pad(int count, int unit) => (count + unit - 1) / unit * unit;
}
