using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Evaluation;

/// <summary>Smallest and largest value of a channel of keys or values.</summary>
internal readonly record struct ChannelExtent(float Min, float Max)
{
    public float Largest => Math.Max(-Min, Max);

    /// <summary>Of every channel.</summary>
    /// <param name="windows">[windows][rows · channels], finite.</param>
    /// <param name="channels">KV heads × head dimension.</param>
    public static unsafe ChannelExtent[] Of(IReadOnlyList<Half[]> windows, int channels)
    {
        var (least, most) = (new float[channels], new float[channels]);
        Array.Fill(least, float.PositiveInfinity);
        Array.Fill(most, float.NegativeInfinity);
        fixed (float* values = new float[channels], low = least, high = most)
        {
            foreach (var window in windows)
            {
                fixed (Half* rows = window)
                {
                    for (var row = 0; row < window.Length; row += channels)
                    {
                        Float16Lanes.Load(rows + row, values, channels);
                        Widen(values, low, high, channels);
                    }
                }
            }
        }

        return [.. least.Zip(most, (min, max) => new ChannelExtent(min, max))];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Widen(float* values, float* least, float* most, int count)
    {
        var i = 0;
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var value = Vector256.Load(values + i);
            Vector256.Min(Vector256.Load(least + i), value).Store(least + i);
            Vector256.Max(Vector256.Load(most + i), value).Store(most + i);
        }

        for (; i < count; i++)
        {
            least[i] = Math.Min(least[i], values[i]);
            most[i] = Math.Max(most[i], values[i]);
        }
    }
}
