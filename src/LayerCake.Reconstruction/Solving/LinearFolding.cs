namespace LayerCake.Reconstruction;

/// <summary>
/// How scales of input channels are folded into the quantized linear that gives the input: as powers of two, by which float16 scales and biases are divided
/// exactly.
/// </summary>
/// <param name="inputs">Channels of the input.</param>
/// <param name="outputs">Outputs of the linear that gives it.</param>
/// <param name="headDimension">Where one output feeds several channels (grouped KV heads): the size of a head. Else 0.</param>
internal sealed class LinearFolding(int inputs, int outputs, int headDimension)
{
    /// <summary>Powers of two leave float16 scales exact unless they become subnormal.</summary>
    public const float LeastNormal = 6.1035156e-05f;

    private readonly int _sharing = inputs / outputs;

    /// <summary>One exponent an output, the mean over the channels that share it.</summary>
    /// <param name="divides">Whether an output can be divided by a factor exactly; where not it stays as it is.</param>
    public float[] Realize(float[] wanted, Func<int, float, bool> divides)
    {
        var exponents = new float[outputs];
        for (var i = 0; i < wanted.Length; i++)
        {
            exponents[Source(i)] += MathF.Log2(wanted[i]) / _sharing;
        }

        var factors = Array.ConvertAll(exponents, exponent => MathF.ScaleB(1, (int)MathF.Round(exponent)));
        for (var output = 0; output < factors.Length; output++)
        {
            factors[output] = divides(output, factors[output]) ? factors[output] : 1;
        }

        return [.. Enumerable.Range(0, wanted.Length).Select(i => factors[Source(i)])];
    }

    /// <summary>By what each output is divided for realized scales of the input's channels.</summary>
    public float[] FactorsOf(float[] scales)
    {
        var factors = new float[outputs];
        for (var i = 0; i < scales.Length; i++)
        {
            factors[Source(i)] = scales[i];
        }

        return factors;
    }

    private int Source(int input) => _sharing == 1 ? input : (input / (headDimension * _sharing) * headDimension) + (input % headDimension);
}
