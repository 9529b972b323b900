using LayerCake.Quantization.Int4;

namespace LayerCake.Reconstruction;

/// <summary>Writes panels of codes in AWQ's arrangement.</summary>
internal static unsafe class Int4Packing
{
    private const int Width = WeightPanels.Width;

    public static void Pack(Int4Panels codes, PackedLinear packed, ParallelOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(codes.Outputs, packed.Outputs);
        ArgumentOutOfRangeException.ThrowIfNotEqual(codes.Inputs, packed.Inputs);
        Parallel.For(0, codes.PanelCount, options, panel =>
        {
            var outputs = Math.Min(Width, codes.Outputs - (panel * Width));
            for (var word = 0; word < outputs / 8; word++)
            {
                var column = (panel * Width / 8) + word;
                var from = codes.Codes(panel) + (8 * word);
                for (long input = 0; input < codes.Inputs; input++)
                {
                    packed.Weights[(input * packed.WordsPerRow) + column] = Word(from + (input * Width));
                }

                for (var group = 0; group < codes.Groups; group++)
                {
                    packed.Zeros[((long)group * packed.WordsPerRow) + column] = Word(codes.Zeros(panel, group) + (8 * word));
                    for (var lane = 0; lane < 8; lane++)
                    {
                        packed.Scales[((long)group * packed.Outputs) + (8 * column) + lane] = codes.Scales(panel, group)[(8 * word) + lane];
                    }
                }
            }
        });
    }

    private static uint Word(float* values)
    {
        var word = 0u;
        for (var lane = 0; lane < 8; lane++)
        {
            word |= (uint)values[lane] << PackedLinear.BitOffsets[lane];
        }

        return word;
    }
}
