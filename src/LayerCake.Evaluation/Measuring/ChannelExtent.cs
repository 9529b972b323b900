using System.Numerics.Tensors;

namespace LayerCake.Evaluation;

/// <summary>Smallest and largest value of a channel of keys or values.</summary>
internal readonly record struct ChannelExtent(float Min, float Max)
{
    public float Largest => Math.Max(-Min, Max);

    /// <summary>Of every channel.</summary>
    /// <param name="windows">[windows][rows · channels].</param>
    /// <param name="channels">KV heads × head dimension.</param>
    public static ChannelExtent[] Of(IReadOnlyList<Half[]> windows, int channels)
    {
        var (least, most, values) = (new float[channels], new float[channels], new float[channels]);
        Array.Fill(least, float.PositiveInfinity);
        Array.Fill(most, float.NegativeInfinity);
        foreach (var window in windows)
        {
            for (var row = 0; row < window.Length; row += channels)
            {
                TensorPrimitives.ConvertToSingle(window.AsSpan(row, channels), values);
                TensorPrimitives.Min(least, values, least);
                TensorPrimitives.Max(most, values, most);
            }
        }

        return [.. least.Zip(most, (min, max) => new ChannelExtent(min, max))];
    }
}
