namespace LayerCake.Reporting.Tests;

/// <summary>What an AWQ linear stands for, number by number.</summary>
internal static class Dequantized
{
    public static double[] Of(Checkpoint checkpoint, string module)
    {
        int[] shifts = [0, 16, 4, 20, 8, 24, 12, 28];
        var shape = checkpoint.Tensors.Single(tensor => tensor.Name == $"{module}.qweight").Shape;
        var (inputs, words) = ((int)shape[0], (int)shape[1]);
        var codes = checkpoint.Values<uint>($"{module}.qweight");
        var zeros = checkpoint.Values<uint>($"{module}.qzeros");
        var scales = checkpoint.Values<float>($"{module}.scales");
        var values = new double[inputs * words * 8];
        for (var i = 0; i < values.Length; i++)
        {
            var (input, output) = Math.DivRem(i, words * 8);
            var group = input / 128;
            var code = codes[(input * words) + (output / 8)] >> shifts[output % 8] & 15;
            var zero = zeros[(group * words) + (output / 8)] >> shifts[output % 8] & 15;
            values[i] = ((double)code - zero) * scales[(group * words * 8) + output];
        }

        return values;
    }
}
