namespace LayerCake.Quantization.Tests.Int4;

/// <summary>The slow, obvious form of quantizing and packing.</summary>
internal static class ReferenceQuantizer
{
    /// <summary>Output j of eight sits at this bit of its word.</summary>
    public static readonly int[] BitOffsets = [0, 16, 4, 20, 8, 24, 12, 28];

    public static (uint[] Weights, float[] Scales, uint[] Zeros) Quantize(Half[] values, int rows, int columns, int groupSize)
    {
        var groups = columns / groupSize;
        var weights = new uint[columns * rows / 8];
        var scales = new float[groups * rows];
        var zeros = new uint[groups * rows / 8];
        for (var row = 0; row < rows; row++)
        {
            var offset = BitOffsets[row % 8];
            for (var group = 0; group < groups; group++)
            {
                var slice = values.AsSpan((row * columns) + (group * groupSize), groupSize).ToArray().Select(value => (float)value).ToArray();
                var (codes, scale, zero) = QuantizeGroup(slice);
                scales[(group * rows) + row] = scale;
                zeros[((group * rows) + row) / 8] |= (uint)zero << offset;
                for (var i = 0; i < groupSize; i++)
                {
                    var column = (group * groupSize) + i;
                    weights[((column * rows) + row) / 8] |= (uint)codes[i] << offset;
                }
            }
        }

        return (weights, scales, zeros);
    }

    public static (int[] Codes, float Scale, int Zero) QuantizeGroup(float[] values)
    {
        var (min, max) = (values.Min(), values.Max());
        if (min == 0 && max == 0)
        {
            return (new int[values.Length], 0, 0);
        }

        if (min == max)
        {
            return min > 0
                ? (Enumerable.Repeat(1, values.Length).ToArray(), max, 0)
                : (new int[values.Length], -min, 1);
        }

        var scale = (max - min) / 15;
        var zero = Round(-min / scale);
        if (zero is < 0 or > 15)
        {
            (min, max) = (Math.Min(min, 0), Math.Max(max, 0));
            scale = (max - min) / 15;
            zero = Round(-min / scale);
        }

        return ([.. values.Select(value => (int)Round((value - min) / scale))], scale, (int)zero);
    }

    private static float Round(float value) => Math.Sign(value) * MathF.Floor(MathF.Abs(value) + 0.5f);
}
