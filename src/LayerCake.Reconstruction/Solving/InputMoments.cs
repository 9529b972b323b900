namespace LayerCake.Reconstruction;

/// <summary>What is known, per token, of the input x̂ of some linears in the quantized model, and of what the float model has there.</summary>
internal sealed unsafe class InputMoments : IDisposable
{
    private double[] _inputSums;
    private double[] _differenceSums;

    /// <param name="inputs">Channels of x̂.</param>
    /// <param name="difference">
    /// <see cref="Difference.Input"/>: x − x̂ is observed too; <see cref="Difference.Output"/>: what the layer's output lacks, of <paramref name="outputs"/> channels.
    /// </param>
    public InputMoments(int inputs, Difference difference, int outputs)
    {
        Second = new Moments(inputs, inputs);
        _inputSums = new double[inputs];
        _differenceSums = new double[difference == Difference.Input ? inputs : outputs];
        Cross = difference == Difference.Input ? new Moments(inputs, inputs) : null;
        Residual = difference == Difference.Output ? new Moments(inputs, outputs, panels: true) : null;
    }

    public enum Difference
    {
        None,
        Input,
        Output,
    }

    public int Inputs => Second.Rows;

    /// <summary>E[x̂ x̂ᵀ].</summary>
    public Moments Second { get; }

    /// <summary>E[x̂ (x − x̂)ᵀ], or null.</summary>
    public Moments? Cross { get; }

    /// <summary>E[x̂ δᵀ] in panels of outputs, δ being what the layer's output lacks when the linear is not quantized; or null.</summary>
    public Moments? Residual { get; }

    /// <summary>E[x̂].</summary>
    public double[] InputMean => _inputSums;

    /// <summary>E[x − x̂] or E[δ].</summary>
    public double[] DifferenceMean => _differenceSums;

    /// <summary>Adds samples, in their order.</summary>
    /// <param name="inputs">Of each sample x̂, [tokens][stride].</param>
    /// <param name="transposed">The same, [channels][tokens].</param>
    /// <param name="differences">Of each sample x − x̂ or δ, [tokens][differenceStride]; empty where none is observed.</param>
    public void Add(
        IReadOnlyList<nint> inputs, nint stride, IReadOnlyList<nint> transposed, IReadOnlyList<nint> differences, nint differenceStride, int tokens, ParallelOptions options)
    {
        Second.Add(transposed, inputs, tokens, stride, symmetric: true, options);
        (Cross ?? Residual)?.Add(transposed, differences, tokens, differenceStride, symmetric: false, options);
        Parallel.For(0, Inputs, options, channel =>
        {
            foreach (var sample in transposed)
            {
                var values = (float*)sample + ((nint)channel * tokens);
                for (var token = 0; token < tokens; token++)
                {
                    _inputSums[channel] += values[token];
                }
            }
        });
        foreach (var sample in differences)
        {
            for (var token = 0; token < tokens; token++)
            {
                var values = (float*)sample + (token * differenceStride);
                for (var channel = 0; channel < _differenceSums.Length; channel++)
                {
                    _differenceSums[channel] += values[channel];
                }
            }
        }
    }

    /// <summary>Turns sums over tokens into means.</summary>
    /// <param name="centred">Whether around the means instead: for linears whose bias takes up the mean error.</param>
    public void Complete(long tokens, bool centred)
    {
        Second.Mirror();
        var factor = 1f / tokens;
        Second.Scale(factor);
        Cross?.Scale(factor);
        Residual?.Scale(factor);
        _inputSums = [.. _inputSums.Select(sum => sum / tokens)];
        _differenceSums = [.. _differenceSums.Select(sum => sum / tokens)];
        if (centred)
        {
            Second.SubtractProduct(_inputSums, _inputSums);
            (Cross ?? Residual)?.SubtractProduct(_inputSums, _differenceSums);
        }
    }

    /// <summary>Passes to the input x̂ / scales.</summary>
    public void Divide(float[] scales)
    {
        Second.Divide(scales, scales);
        Cross?.Divide(scales, scales);
        Residual?.Divide(scales, null);
    }

    public void Dispose()
    {
        Second.Dispose();
        Cross?.Dispose();
        Residual?.Dispose();
    }
}
