using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Quantization.Numerics;

namespace LayerCake.Quantization.Int4;

/// <summary>Quantizes a float16 weight to four bits in groups along its inputs and packs it, in one pass over its memory.</summary>
internal static unsafe class Int4Quantizer
{
    private const int Strip = 8;

    /// <summary>
    /// Fills <paramref name="packed"/> from finite weights. Tiles of <see cref="RowBlocks.Height"/> outputs × one group stay in the first-level
    /// cache until they are written, transposed, as whole cache lines.
    /// </summary>
    /// <returns>Σ(w' − w)² / Σw² over the whole weight, w' being what the codes stand for; 0 for a weight of zeros.</returns>
    public static double Quantize(HalfMatrix weight, PackedLinear packed, int threads, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(weight.Rows, packed.Outputs);
        ArgumentOutOfRangeException.ThrowIfNotEqual(weight.Columns, packed.Inputs);
        var sums = new (double Error, double Energy)[RowBlocks.Count(weight.Rows)];
        RowBlocks.Run(weight.Rows, threads, cancellation, (index, begin, end) => sums[index] = QuantizeRows(weight, packed, begin, end));

        var error = sums.Sum(block => block.Error);
        var energy = sums.Sum(block => block.Energy);
        return energy > 0 ? error / energy : 0;
    }

    private static (double Error, double Energy) QuantizeRows(HalfMatrix weight, PackedLinear packed, int begin, int end)
    {
        var groupSize = packed.GroupSize;
        var words = (end - begin) / Strip;
        var scratch = new float[Strip * groupSize];
        var tile = new uint[words * groupSize];
        var parameters = new GroupParameters[Strip];
        var (error, energy) = (0.0, 0.0);

        fixed (float* values = scratch)
        fixed (uint* codes = tile)
        {
            for (var group = 0; group < packed.Groups; group++)
            {
                for (var word = 0; word < words; word++)
                {
                    var row = begin + (word * Strip);
                    for (var lane = 0; lane < Strip; lane++)
                    {
                        parameters[lane] = Measure(weight.RowPointer(row + lane) + (group * groupSize), values + (lane * groupSize), groupSize);
                    }

                    StoreParameters(parameters, packed, group, row);
                    var (stripError, stripEnergy) = Encode(values, parameters, codes + (word * groupSize), groupSize);
                    error += stripError;
                    energy += stripEnergy;
                }

                StoreTransposed(codes, words, groupSize, packed.Weights + ((long)group * groupSize * packed.WordsPerRow) + (begin / Strip), packed.WordsPerRow);
            }
        }

        return (error, energy);
    }

    /// <summary>Widens one group into <paramref name="values"/> and finds its parameters.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static GroupParameters Measure(ushort* source, float* values, int count)
    {
        var i = 0;
        var smallest = Vector512.Create(float.PositiveInfinity);
        var largest = Vector512.Create(float.NegativeInfinity);
        for (; i <= count - HalfVectors.Width; i += HalfVectors.Width)
        {
            var value = HalfVectors.Widen(source + i);
            value.Store(values + i);
            smallest = Vector512.MinNative(smallest, value);
            largest = Vector512.MaxNative(largest, value);
        }

        var (min, max) = (-LargestOf(-smallest), LargestOf(largest));
        for (; i < count; i++)
        {
            var value = (float)((Half*)source)[i];
            values[i] = value;
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }

        return GroupParameters.Of(min, max);
    }

    /// <summary>In an order of its own, so that the sum is the same on every processor: the errors are part of a step's result.</summary>
    private static float SumOf(Vector512<float> value)
    {
        var half = value.GetLower() + value.GetUpper();
        var quarter = half.GetLower() + half.GetUpper();
        return (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
    }

    private static float LargestOf(Vector512<float> value)
    {
        var half = Vector256.MaxNative(value.GetLower(), value.GetUpper());
        var quarter = Vector128.MaxNative(half.GetLower(), half.GetUpper());
        quarter = Vector128.MaxNative(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        return Math.Max(quarter[0], quarter[1]);
    }

    private static void StoreParameters(ReadOnlySpan<GroupParameters> parameters, PackedLinear packed, int group, int row)
    {
        var zeros = 0u;
        for (var lane = 0; lane < Strip; lane++)
        {
            packed.Scales[((long)group * packed.Outputs) + row + lane] = parameters[lane].Scale;
            zeros |= (uint)parameters[lane].Zero << PackedLinear.BitOffsets[lane];
        }

        packed.Zeros[((long)group * packed.WordsPerRow) + (row / Strip)] = zeros;
    }

    /// <summary>Codes of eight rows, one word per column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (double Error, double Energy) Encode(float* values, ReadOnlySpan<GroupParameters> parameters, uint* codes, int count)
    {
        new Span<uint>(codes, count).Clear();
        var error = Vector512<float>.Zero;
        var energy = Vector512<float>.Zero;
        var (restError, restEnergy) = (0.0, 0.0);
        for (var lane = 0; lane < Strip; lane++)
        {
            var group = parameters[lane];
            var offset = PackedLinear.BitOffsets[lane];
            var row = values + (lane * count);
            var (origin, divisor) = (Vector512.Create(group.Origin), Vector512.Create(group.Divisor));
            var (scale, zero) = (Vector512.Create(group.Scale), Vector512.Create((float)group.Zero));
            var i = 0;
            for (; i <= count - HalfVectors.Width; i += HalfVectors.Width)
            {
                var value = Vector512.Load(row + i);

                // (w − origin) / scale is never negative, so adding a half and cutting is rounding with ties away from zero.
                var code = Vector512.ConvertToInt32Native(((value - origin) / divisor) + Vector512.Create(0.5f));
                (Vector512.Load(codes + i) | (code.AsUInt32() << offset)).Store(codes + i);

                var difference = ((Vector512.ConvertToSingle(code) - zero) * scale) - value;
                error += difference * difference;
                energy += value * value;
            }

            for (; i < count; i++)
            {
                var code = (int)(((row[i] - group.Origin) / group.Divisor) + 0.5f);
                codes[i] |= (uint)code << offset;
                var difference = ((code - group.Zero) * group.Scale) - row[i];
                restError += difference * difference;
                restEnergy += row[i] * row[i];
            }
        }

        return (SumOf(error) + restError, SumOf(energy) + restEnergy);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreTransposed(uint* codes, int words, int count, uint* destination, int stride)
    {
        for (var column = 0; column < count; column++)
        {
            var line = destination + ((long)column * stride);
            for (var word = 0; word < words; word++)
            {
                line[word] = codes[(word * count) + column];
            }
        }
    }
}
