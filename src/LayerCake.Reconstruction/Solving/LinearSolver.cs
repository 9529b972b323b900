using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>Quantizes one linear, 32 outputs a task.</summary>
internal static unsafe class LinearSolver
{
    private const int Width = WeightPanels.Width;
    private const int DepthBlock = 256;

    /// <summary>What a linear is quantized for.</summary>
    /// <param name="Weight">Float weight.</param>
    /// <param name="Scales">By which its inputs are multiplied, since the input is divided by them.</param>
    /// <param name="Moments">Of the divided input, damped; null where nothing is known.</param>
    /// <param name="Factor">Of those moments; null where nothing is compensated.</param>
    public sealed record Problem(WeightPanels Weight, float[] Scales, InputMoments? Moments, TriangularFactor? Factor);

    /// <param name="Codes">What was found.</param>
    /// <param name="OutputError">Σ (t − w') H (t − w')ᵀ for the target weights t; 0 where no moments are known.</param>
    /// <param name="WeightError">Σ (w' − w)² / Σ w² of the scaled weight w.</param>
    public sealed record Solution(Int4Panels Codes, double OutputError, double WeightError);

    public static Solution Solve(Problem problem, SolverSettings settings, ParallelOptions options)
    {
        var (weight, moments) = (problem.Weight, problem.Moments);
        var inputs = weight.Inputs;
        var result = new Int4Panels(weight.Outputs, inputs, settings.GroupSize);
        var errors = new double[weight.PanelCount];
        var weightErrors = new (double Error, double Energy)[weight.PanelCount];
        Parallel.For(0, weight.PanelCount, options, panel =>
        {
            using var memory = new FloatBuffer(((3L * inputs) + (2L * settings.GroupSize)) * Width);
            var target = memory.Pointer;
            var scratch = target + ((long)inputs * Width);
            weight.ScaledPanel(panel, problem.Scales, target);
            if (settings.FollowsFloatModel && problem.Factor is not null && moments is not null)
            {
                Shift(target, problem.Factor, moments, panel, scratch);
            }

            if (settings.Compensates)
            {
                ErrorCompensation.Round(target, problem.Factor!, result, panel, settings.Clipping, scratch);
            }
            else
            {
                RoundPlainly(target, moments?.Second, result, panel, settings.Clipping, scratch);
            }

            if (moments is not null)
            {
                var h = moments.Second;
                if (settings.DescentPasses > 0)
                {
                    CoordinateDescent.Improve(target, h.Pointer, h.Stride, result, panel, settings.DescentPasses, scratch);
                }

                errors[panel] = CoordinateDescent.Cost(target, h.Pointer, h.Stride, result, panel, scratch);
            }

            weight.ScaledPanel(panel, problem.Scales, target);
            result.Values(panel, scratch, rounded: false);
            weightErrors[panel] = Differences(scratch, target, (long)inputs * Width);
        });
        var energy = weightErrors.Sum(sums => sums.Energy);
        return new Solution(result, errors.Sum(), energy > 0 ? weightErrors.Sum(sums => sums.Error) / energy : 0);
    }

    private static (double Error, double Energy) Differences(float* values, float* w, long count)
    {
        var (error, energy) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (long i = 0; i < count; i += Float16Lanes.Width)
        {
            var value = Vector512.Load(w + i);
            var difference = Vector512.Load(values + i) - value;
            error = Vector512.FusedMultiplyAdd(difference, difference, error);
            energy = Vector512.FusedMultiplyAdd(value, value, energy);
        }

        return (Float16Lanes.Sum(error), Float16Lanes.Sum(energy));
    }

    private static void RoundPlainly(float* w, Moments? h, Int4Panels result, int panel, ClippingGrid clipping, float* importance)
    {
        for (var i = 0; i < result.Inputs; i++)
        {
            importance[i] = h is null ? 1 : h.Row(i)[i];
        }

        for (var group = 0; group < result.Groups; group++)
        {
            var begin = group * result.GroupSize;
            var place = (long)begin * Width;
            GroupRange.Find(w + place, importance + begin, result.GroupSize, clipping, result.Scales(panel, group), result.Zeros(panel, group));
            GroupRange.Codes(w + place, result.GroupSize, result.Scales(panel, group), result.Zeros(panel, group), result.Codes(panel) + place);
        }
    }

    /// <summary>
    /// w ← w + y H⁻¹, the least-squares solution of w' x̂ = (what the float model has there): y = w E[(x − x̂) x̂ᵀ] where the input differs, y = E[δ x̂ᵀ] where the
    /// output lacks δ.
    /// </summary>
    private static void Shift(float* w, TriangularFactor factor, InputMoments moments, int panel, float* y)
    {
        var inputs = factor.Size;
        if (moments.Cross is { } cross)
        {
            for (var from = 0; from < inputs; from += DepthBlock)
            {
                PanelProduct.Multiply(
                    cross.Pointer + from, cross.Stride, inputs, w + ((long)from * Width), y, Width, Math.Min(DepthBlock, inputs - from), accumulate: from > 0);
            }
        }
        else if (moments.Residual is { } residual)
        {
            new Span<float>(residual.Panel(panel), inputs * Width).CopyTo(new Span<float>(y, inputs * Width));
        }
        else
        {
            return;
        }

        TargetShift.Solve(y, factor);
        for (long i = 0; i < (long)inputs * Width; i++)
        {
            w[i] += y[i];
        }
    }
}
