using LayerCake.Kernels;
using LayerCake.Models;
using LayerCake.Quantization;

namespace LayerCake.Reconstruction;

/// <summary>Quantizes the linears that read one input, and folds the scales of its channels into what gives it.</summary>
/// <param name="original">The float layer.</param>
/// <param name="quantized">The layer as far as it is quantized; gets the results.</param>
/// <param name="prefix">The layer's module name, for names of results.</param>
internal sealed unsafe class GroupSolver(
    StagedLayer original, StagedLayer quantized, string prefix, string method, SolverSettings settings, ParallelOptions options, Dictionary<string, SolvedLinear> results)
{
    /// <summary>Quantizes without knowing anything of the input.</summary>
    public void SolvePlainly(IEnumerable<LinearLayout> linears)
    {
        foreach (var linear in linears)
        {
            var weight = original.Weight(linear.Name);
            var scales = ScaleSearch.Ones(weight.Inputs);
            Put(linear.Name, scales, LinearSolver.Solve(new LinearSolver.Problem(weight, scales, null, null), settings, options), []);
        }
    }

    /// <summary>Quantizes linears that read the output of a norm.</summary>
    public void SolveAfterNorm(IReadOnlyList<string> names, InputMoments moments, string norm)
    {
        var weight = quantized.Vector($"{norm}.weight")!;
        var scales = Search(names, moments, wanted => NormFolding.Realize(new ReadOnlySpan<float>(weight.Pointer, wanted.Length), wanted));
        NormFolding.Divide(new Span<float>(weight.Pointer, scales.Length), scales);
        Solve(names, moments, scales);
    }

    /// <summary>Quantizes a linear that reads what another one gives, which is quantized already: its scales and bias are divided by powers of two, exactly.</summary>
    /// <param name="name">The linear.</param>
    /// <param name="moments">Of its input.</param>
    /// <param name="previous">The linear that gives it.</param>
    /// <param name="headDimension">Where one channel of the previous linear feeds several (grouped KV heads): the size of a head. Else 0.</param>
    /// <returns>By what each channel of the input is divided.</returns>
    public float[] SolveAfterLinear(string name, InputMoments moments, string previous, int headDimension)
    {
        var codes = results[previous].Codes;
        var folding = new LinearFolding(moments.Inputs, codes.Outputs, headDimension);
        var scales = Search([name], moments, wanted => folding.Realize(wanted, (output, factor) => Divides(codes, previous, output, factor)));
        if (scales.Any(scale => scale != 1))
        {
            var factors = folding.FactorsOf(scales);
            for (var output = 0; output < factors.Length; output++)
            {
                DivideOutput(codes, previous, output, factors[output]);
            }

            quantized.Replace(previous, codes.Dequantize(options.MaxDegreeOfParallelism));
            results[previous] = results[previous] with { OutputFactors = factors };
        }

        Solve([name], moments, scales);
        return scales;
    }

    private bool Divides(Int4Panels codes, string previous, int output, float factor)
    {
        for (var group = 0; group < codes.Groups; group++)
        {
            var scale = codes.Scales(output / WeightPanels.Width, group)[output % WeightPanels.Width] / factor;
            if (scale != 0 && (scale < LinearFolding.LeastNormal || scale > (float)Half.MaxValue))
            {
                return false;
            }
        }

        return quantized.Vector($"{previous}.bias") is not { } bias
            || bias.Pointer[output] == 0
            || (MathF.Abs(bias.Pointer[output] / factor) >= LinearFolding.LeastNormal && MathF.Abs(bias.Pointer[output] / factor) <= (float)Half.MaxValue);
    }

    private void DivideOutput(Int4Panels codes, string previous, int output, float factor)
    {
        for (var group = 0; group < codes.Groups; group++)
        {
            codes.Scales(output / WeightPanels.Width, group)[output % WeightPanels.Width] /= factor;
        }

        if (quantized.Vector($"{previous}.bias") is { } bias)
        {
            bias.Pointer[output] /= factor;
        }
    }

    private float[] Search(IReadOnlyList<string> names, InputMoments moments, Func<float[], float[]> realize) => settings.ScaleSteps == 0
        ? ScaleSearch.Ones(moments.Inputs)
        : ScaleSearch.Find(
            [.. names.Select(original.Weight)], moments.Second, settings.GroupSize, settings.ScaleSteps, settings.SearchClipping, realize, options);

    private void Solve(IReadOnlyList<string> names, InputMoments moments, float[] scales)
    {
        var plain = names.Select(name => PlainSensitivity.Measure(original.Weight(name), moments.Second, settings.GroupSize, options)).ToArray();
        moments.Divide(scales);
        var clipped = settings.Compensates ? names.Select(name => ClippedError(name, moments, scales)).ToArray() : null;
        using var factor = settings.Compensates || settings.DescentPasses > 0
            ? TriangularFactor.Of(moments.Second.Pointer, moments.Second.Stride, moments.Inputs, settings.Damping, options)
            : null;
        for (var i = 0; i < names.Count; i++)
        {
            var solution = LinearSolver.Solve(new LinearSolver.Problem(original.Weight(names[i]), scales, moments, factor), settings, options);
            var module = $"{prefix}.{names[i]}";
            var (energy, errors) = plain[i];
            Put(
                names[i],
                scales,
                solution,
                [
                    .. PlainSensitivity.Bits.Zip(errors).Select(pair => new Sensitivity(module, "rtn", pair.First, Relative(pair.Second, energy))),
                    .. clipped is null ? [] : new[] { new Sensitivity(module, "awq", 4, Relative(clipped[i], energy)) },
                    new Sensitivity(module, method, 4, Relative(solution.OutputError, energy)),
                ]);
            if (quantized.Vector($"{names[i]}.bias") is { } bias)
            {
                CorrectBias(names[i], bias, moments, scales);
            }
        }
    }

    /// <summary>What the method awq would leave with the same scales.</summary>
    private double ClippedError(string name, InputMoments moments, float[] scales)
    {
        var clipping = new SolverSettings { GroupSize = settings.GroupSize, Clipping = settings.Clipping };
        var solution = LinearSolver.Solve(new LinearSolver.Problem(original.Weight(name), scales, moments, null), clipping, options);
        solution.Codes.Dispose();
        return solution.OutputError;
    }

    private static double Relative(double error, double energy) => energy > 0 ? Math.Sqrt(error / energy) : 0;

    private void Put(string name, float[] scales, LinearSolver.Solution solution, IReadOnlyList<Sensitivity> sensitivities)
    {
        results[name] = new SolvedLinear(solution.Codes, scales, solution.WeightError, sensitivities);
        quantized.Replace(name, solution.Codes.Dequantize(options.MaxDegreeOfParallelism));
    }

    /// <summary>The bias takes up the mean of what the output still lacks.</summary>
    private void CorrectBias(string name, FloatBuffer bias, InputMoments moments, float[] scales)
    {
        var wanted = original.Weight(name).Apply([.. moments.InputMean.Select((mean, i) => moments.Cross is null ? mean : mean + moments.DifferenceMean[i])]);
        var given = quantized.Weight(name).Apply([.. moments.InputMean.Select((mean, i) => mean / scales[i])]);
        for (var output = 0; output < wanted.Length; output++)
        {
            var lacking = wanted[output] - given[output] + (moments.Residual is null ? 0 : moments.DifferenceMean[output]);
            var corrected = (float)(Half)(float)(bias.Pointer[output] + lacking);
            bias.Pointer[output] = float.IsFinite(corrected) ? corrected : bias.Pointer[output];
        }
    }
}
