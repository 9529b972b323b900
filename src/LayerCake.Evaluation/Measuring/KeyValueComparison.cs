using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Evaluation;

/// <summary>What a quantized cache does to keys or values of a layer: every scheme with the range that these keys or values have over all heads.</summary>
internal static class KeyValueComparison
{
    /// <summary>A channel that widens its layer's range by this factor takes two of int4's four bits from all others.</summary>
    private const float Widening = 4;

    /// <summary>More channels than one in so many are no exceptions.</summary>
    private const int RarestShare = 64;

    /// <summary>Errors by head.</summary>
    /// <param name="layer">From 0.</param>
    /// <param name="kind">Keys or values.</param>
    /// <param name="windows">[windows][rows · channels].</param>
    /// <param name="extents">Of every channel, KV heads × head dimension.</param>
    /// <param name="headDimension">Channels of a head.</param>
    /// <param name="stored">The ranges that the artifact has for its int8 cache, rank by rank; null where it has none.</param>
    public static IReadOnlyList<HeadErrors> ByHead(
        int layer, KeyValueKind kind, IReadOnlyList<Half[]> windows, ChannelExtent[] extents, int headDimension, IReadOnlyList<Int8Range>? stored)
    {
        var channels = extents.Length;
        var whole = (Min: extents.Min(extent => extent.Min), Max: extents.Max(extent => extent.Max));
        var heads = new HeadErrors[channels / headDimension];
        Parallel.For(0, heads.Length, head =>
        {
            var first = head * headDimension;
            heads[head] = new HeadErrors(
                layer, kind, head,
                Error(IntegerRange.Of(whole, 8, symmetric: false)),
                Error(IntegerRange.Of(whole, 8, symmetric: true)),
                Error(IntegerRange.Of(whole, 4, symmetric: false)),
                Error(IntegerRange.Of(whole, 4, symmetric: true)),
                stored is null ? null : Error(IntegerRange.Of(stored[head * stored.Count / heads.Length])));

            double Error(IntegerRange range) => RelativeError(windows, channels, channel => channel >= first && channel < first + headDimension, first, first + headDimension, range);
        });
        return heads;
    }

    /// <summary>The few channels that widen the range so much that int4 would leave little of all others.</summary>
    /// <inheritdoc cref="ByHead" path="/param"/>
    public static IReadOnlyList<OutlierChannel> Outliers(int layer, KeyValueKind kind, IReadOnlyList<Half[]> windows, ChannelExtent[] extents, int headDimension)
    {
        var channels = extents.Length;
        var order = Enumerable.Range(0, channels).OrderByDescending(channel => extents[channel].Largest).ThenBy(channel => channel).ToArray();
        var most = Math.Min(Math.Max(1, channels / RarestShare), channels - 1);
        for (var count = 1; count <= most; count++)
        {
            if (extents[order[0]].Largest < Widening * extents[order[count]].Largest)
            {
                continue;
            }

            var outliers = order[..count].ToHashSet();
            var rest = order[count..];
            var with = IntegerRange.Of((extents.Min(extent => extent.Min), extents.Max(extent => extent.Max)), 4, symmetric: false);
            var without = IntegerRange.Of((rest.Min(channel => extents[channel].Min), rest.Max(channel => extents[channel].Max)), 4, symmetric: false);
            var errorWith = RelativeError(windows, channels, channel => !outliers.Contains(channel), 0, channels, with);
            var errorWithout = RelativeError(windows, channels, channel => !outliers.Contains(channel), 0, channels, without);
            return
            [
                .. order[..count].Order().Select(channel => new OutlierChannel(
                    layer, kind, channel / headDimension, channel % headDimension, extents[channel].Largest, extents[order[count]].Largest, errorWith, errorWithout)),
            ];
        }

        return [];
    }

    /// <summary>√(Σ(x' − x)² / Σx²) over some channels; 0 where all of them are 0.</summary>
    private static double RelativeError(IReadOnlyList<Half[]> windows, int channels, Func<int, bool> include, int first, int end, IntegerRange range)
    {
        // 1 for a channel that counts, 0 for one that does not, in whole vectors.
        var width = Float16Lanes.Width;
        var start = first / width * width;
        var weights = new float[(end - start + width - 1) / width * width];
        for (var channel = first; channel < end; channel++)
        {
            weights[channel - start] = include(channel) ? 1 : 0;
        }

        double errors = 0, squares = 0;
        var values = new float[weights.Length];
        foreach (var window in windows)
        {
            for (var row = 0; row < window.Length; row += channels)
            {
                Load(window.AsSpan(row + start, Math.Min(weights.Length, channels - start)), values);
                var (error, square) = Sums(values, weights, range);
                errors += error;
                squares += square;
            }
        }

        return squares > 0 ? Math.Sqrt(errors / squares) : 0;
    }

    private static unsafe void Load(ReadOnlySpan<Half> from, float[] to)
    {
        fixed (Half* source = from)
        fixed (float* destination = to)
        {
            Float16Lanes.Load(source, destination, from.Length);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Errors, float Squares) Sums(float[] values, float[] weights, IntegerRange range)
    {
        var (errors, squares) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i < values.Length; i += Float16Lanes.Width)
        {
            var value = Vector512.LoadUnsafe(ref values[i]) * Vector512.LoadUnsafe(ref weights[i]);
            var difference = (range.Restore(value) - value) * Vector512.LoadUnsafe(ref weights[i]);
            errors = Vector512.FusedMultiplyAdd(difference, difference, errors);
            squares = Vector512.FusedMultiplyAdd(value, value, squares);
        }

        return (Float16Lanes.Sum(errors), Float16Lanes.Sum(squares));
    }
}
