using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>What <see cref="InputMoments"/> knows, on a device: per token, of the input x̂ of some linears in the quantized model and of what the float model has there. Owns its tensors.</summary>
internal sealed class DeviceMoments : IDisposable
{
    /// <param name="inputs">Channels of x̂.</param>
    /// <param name="difference">What of the float model is observed beside it.</param>
    /// <param name="outputs">Channels of the layer's output.</param>
    public DeviceMoments(int inputs, InputMoments.Difference difference, int outputs, Device device)
    {
        Inputs = inputs;
        Second = Zeros(ScalarType.Float32, inputs, inputs);
        InputMean = Zeros(ScalarType.Float64, inputs);
        DifferenceMean = Zeros(ScalarType.Float64, difference == InputMoments.Difference.Input ? inputs : outputs);
        Cross = difference == InputMoments.Difference.Input ? Zeros(ScalarType.Float32, inputs, inputs) : null;
        Residual = difference == InputMoments.Difference.Output ? Zeros(ScalarType.Float32, inputs, outputs) : null;

        Tensor Zeros(ScalarType type, params long[] shape) => zeros(shape, type, device).DetachFromDisposeScope();
    }

    public int Inputs { get; }

    /// <summary>E[x̂ x̂ᵀ].</summary>
    public Tensor Second { get; }

    /// <summary>E[x̂ (x − x̂)ᵀ], or null.</summary>
    public Tensor? Cross { get; }

    /// <summary>E[x̂ δᵀ], [inputs, outputs], δ being what the layer's output lacks when the linear is not quantized; or null.</summary>
    public Tensor? Residual { get; }

    /// <summary>E[x̂], float64.</summary>
    public Tensor InputMean { get; }

    /// <summary>E[x − x̂] or E[δ], float64.</summary>
    public Tensor DifferenceMean { get; }

    /// <summary>Adds tokens.</summary>
    /// <param name="x">x̂, [.., inputs].</param>
    /// <param name="difference">x − x̂ or δ, float32, [.., channels]; null where none is observed.</param>
    public void Add(Tensor x, Tensor? difference)
    {
        using var scope = NewDisposeScope();
        using var fast = TensorFloat32.Allow();
        var rows = x.view(-1, Inputs).to(ScalarType.Float32);
        var columns = rows.t();
        Second.addmm_(columns, rows, 1, 1);
        InputMean.add_(rows.sum(0, type: ScalarType.Float64));
        if (difference is not null)
        {
            var other = difference.view(-1, DifferenceMean.shape[0]);
            (Cross ?? Residual)!.addmm_(columns, other, 1, 1);
            DifferenceMean.add_(other.sum(0, type: ScalarType.Float64));
        }
    }

    /// <summary>Turns sums over tokens into means.</summary>
    /// <param name="centred">Whether around the means instead: for linears whose bias takes up the mean error.</param>
    public void Complete(long tokens, bool centred)
    {
        using var scope = NewDisposeScope();
        foreach (var sums in new[] { Second, Cross, Residual, InputMean, DifferenceMean })
        {
            sums?.div_(tokens);
        }

        if (centred)
        {
            Second.sub_(outer(InputMean, InputMean));
            (Cross ?? Residual)?.sub_(outer(InputMean, DifferenceMean));
        }
    }

    /// <summary>Passes to the input x̂ / scales.</summary>
    public void Divide(Tensor scales)
    {
        using var scope = NewDisposeScope();
        var rows = scales.unsqueeze(1);
        Second.div_(rows).div_(scales);
        Cross?.div_(rows).div_(scales);
        Residual?.div_(rows);
    }

    public void Dispose()
    {
        foreach (var sums in new[] { Second, Cross, Residual, InputMean, DifferenceMean })
        {
            sums?.Dispose();
        }
    }
}
