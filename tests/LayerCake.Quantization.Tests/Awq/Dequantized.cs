using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Quantization.Tests.Int4;

namespace LayerCake.Quantization.Tests.Awq;

/// <summary>What the codes of a quantized checkpoint stand for.</summary>
internal static class Dequantized
{
    /// <summary>The weight [out, in] of a linear.</summary>
    public static double[,] Weight(ITensorSource source, string module, int groupSize)
    {
        var weights = MemoryMarshal.Cast<byte, uint>(source.ReadAll($"{module}.qweight")).ToArray();
        var zeros = MemoryMarshal.Cast<byte, uint>(source.ReadAll($"{module}.qzeros")).ToArray();
        var scales = MemoryMarshal.Cast<byte, float>(source.ReadAll($"{module}.scales")).ToArray();
        var inputs = (int)source.Find($"{module}.qweight").Shape[0];
        var outputs = (int)source.Find($"{module}.scales").Shape[1];
        var result = new double[outputs, inputs];
        for (var row = 0; row < outputs; row++)
        {
            var offset = ReferenceQuantizer.BitOffsets[row % 8];
            for (var column = 0; column < inputs; column++)
            {
                var group = column / groupSize;
                var code = (int)(weights[((column * outputs) + row) / 8] >> offset) & 15;
                var zero = (int)(zeros[((group * outputs) + row) / 8] >> offset) & 15;
                result[row, column] = (code - zero) * (double)scales[(group * outputs) + row];
            }
        }

        return result;
    }
}
