using LayerCake.Models;
using LayerCake.Quantization;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// <see cref="GroupSolver"/> on a device: quantizes the linears that read one input, stacked, and folds the scales of its channels into what gives it.
/// </summary>
/// <param name="original">The float layer.</param>
/// <param name="quantized">The layer as far as it is quantized; gets the results.</param>
/// <param name="prefix">The layer's module name, for names of results.</param>
internal sealed class DeviceSolver(
    DeviceLayer original, DeviceLayer quantized, string prefix, string method, SolverSettings settings, IGroupOperations operations, Dictionary<string, DeviceLinear> results)
{
    /// <summary>Quantizes without knowing anything of the input.</summary>
    public void SolvePlainly(IEnumerable<LinearLayout> linears)
    {
        foreach (var linear in linears)
        {
            using var scope = NewDisposeScope();
            var weight = Stack([linear.Name]);
            Put([linear.Name], DeviceLinearSolver.Solve(weight, null, null, null, settings, operations), ScaleSearch.Ones((int)weight.shape[1]), null, null);
        }
    }

    /// <summary>Quantizes linears that read the output of a norm.</summary>
    public void SolveAfterNorm(IReadOnlyList<string> names, DeviceMoments moments, string norm)
    {
        using var scope = NewDisposeScope();
        var weight = Stack(names);
        var values = quantized.Vector($"{norm}.weight")!;
        var scales = Search(weight, moments, wanted => NormFolding.Realize(values, wanted));
        NormFolding.Divide(values, scales);
        quantized.Replace($"{norm}.weight", values);
        Solve(names, weight, moments, scales);
    }

    /// <summary>Quantizes a linear that reads what another one gives, which is quantized already.</summary>
    /// <param name="previous">The linear that gives its input.</param>
    /// <param name="headDimension">Where one channel of the previous linear feeds several (grouped KV heads): the size of a head. Else 0.</param>
    public void SolveAfterLinear(string name, DeviceMoments moments, string previous, int headDimension)
    {
        using var scope = NewDisposeScope();
        var weight = Stack([name]);
        var codes = results[previous].Codes;
        var bias = quantized.Vector($"{previous}.bias");
        var folding = new LinearFolding(moments.Inputs, (int)codes.Outputs, headDimension);
        var positive = codes.Scales.gt(0);
        var largest = codes.Scales.amax([1L]).cpu().data<float>().ToArray();
        var least = where(positive, codes.Scales, full_like(codes.Scales, float.PositiveInfinity)).amin([1L]).cpu().data<float>().ToArray();
        var scales = Search(weight, moments, wanted => folding.Realize(wanted, (output, factor) =>
            least[output] / factor >= LinearFolding.LeastNormal && largest[output] / factor <= (float)Half.MaxValue && (bias is null || Divides(bias[output], factor))));
        if (scales.Any(scale => scale != 1))
        {
            var factors = folding.FactorsOf(scales);
            codes.Scales.div_(tensor(factors).to(codes.Scales.device).unsqueeze(1));
            quantized.Replace($"{previous}.weight", codes.Dequantize());
            results[previous] = results[previous] with { OutputFactors = factors };
            if (bias is not null)
            {
                quantized.Replace($"{previous}.bias", [.. bias.Zip(factors, (value, factor) => value / factor)]);
            }
        }

        Solve([name], weight, moments, scales);
    }

    private static bool Divides(float value, float factor) =>
        value == 0 || (MathF.Abs(value / factor) >= LinearFolding.LeastNormal && MathF.Abs(value / factor) <= (float)Half.MaxValue);

    private static double Relative(double error, double energy) => energy > 0 ? Math.Sqrt(error / energy) : 0;

    /// <summary>[outputs of all, inputs], float32; the caller's scope owns it.</summary>
    private Tensor Stack(IReadOnlyList<string> names)
    {
        using var scope = NewDisposeScope();
        var weights = names.Select(original.Weight).ToArray();
        return (weights.Length == 1 ? weights[0] : cat(weights, 0)).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    private float[] Search(Tensor weight, DeviceMoments moments, Func<float[], float[]> realize) => settings.ScaleSteps == 0
        ? ScaleSearch.Ones(moments.Inputs)
        : DeviceScaleSearch.Find(weight, moments.Second, settings.GroupSize, settings.ScaleSteps, settings.SearchClipping, realize, operations);

    private void Solve(IReadOnlyList<string> names, Tensor weight, DeviceMoments moments, float[] scales)
    {
        var plain = DevicePlainSensitivity.Measure(weight, moments.Second, settings.GroupSize);
        var factors = tensor(scales).to(weight.device);
        moments.Divide(factors);
        var clipped = settings.Compensates ? ClippedErrors(weight, factors, moments) : null;
        using var factor = settings.Compensates || settings.DescentPasses > 0 ? DeviceFactor.Of(moments.Second, settings.Damping) : null;
        Put(names, DeviceLinearSolver.Solve(weight, factors, moments, factor, settings, operations), scales, plain, clipped);
        foreach (var name in names)
        {
            if (quantized.Vector($"{name}.bias") is { } bias)
            {
                CorrectBias(name, bias, moments, factors);
            }
        }
    }

    /// <summary>What the method awq would leave of each output with the same scales.</summary>
    private double[] ClippedErrors(Tensor weight, Tensor scales, DeviceMoments moments)
    {
        var clipping = new SolverSettings { GroupSize = settings.GroupSize, Clipping = settings.Clipping };
        var solution = DeviceLinearSolver.Solve(weight, scales, moments, null, clipping, operations);
        solution.Codes.Dispose();
        return solution.OutputErrors;
    }

    private void Put(IReadOnlyList<string> names, DeviceLinearSolver.Solution solution, float[] scales, (double[] Energy, double[][] Errors)? plain, double[]? clipped)
    {
        using var all = solution.Codes;
        var first = 0;
        foreach (var name in names)
        {
            var rows = (int)original.Weight(name).shape[0];
            var begin = first;
            var module = $"{prefix}.{name}";
            List<Sensitivity> sensitivities = [];
            if (plain is { } measured)
            {
                var energy = Sum(measured.Energy);
                sensitivities.AddRange(PlainSensitivity.Bits.Zip(measured.Errors, (bits, errors) => new Sensitivity(module, "rtn", bits, Relative(Sum(errors), energy))));
                if (clipped is not null)
                {
                    sensitivities.Add(new Sensitivity(module, "awq", 4, Relative(Sum(clipped), energy)));
                }

                sensitivities.Add(new Sensitivity(module, method, 4, Relative(Sum(solution.OutputErrors), energy)));
            }

            var weightEnergy = Sum(solution.WeightEnergies);
            var codes = all.Rows(begin, rows);
            results[name] = new DeviceLinear(codes, scales, weightEnergy > 0 ? Sum(solution.WeightErrors) / weightEnergy : 0, sensitivities);
            quantized.Replace($"{name}.weight", codes.Dequantize());
            first += rows;

            double Sum(double[] values) => values.AsSpan(begin, rows).ToArray().Sum();
        }
    }

    /// <summary>The bias takes up the mean of what the output still lacks.</summary>
    private void CorrectBias(string name, float[] bias, DeviceMoments moments, Tensor scales)
    {
        using var scope = NewDisposeScope();
        var mean = moments.InputMean;
        var wanted = Apply(original.Weight(name), moments.Cross is null ? mean : mean + moments.DifferenceMean);
        var given = Apply(quantized.Weight(name), mean / scales);
        var lacking = (moments.Residual is null ? wanted - given : wanted - given + moments.DifferenceMean).cpu().data<double>().ToArray();
        for (var output = 0; output < bias.Length; output++)
        {
            var corrected = (float)(Half)(float)(bias[output] + lacking[output]);
            bias[output] = float.IsFinite(corrected) ? corrected : bias[output];
        }

        quantized.Replace($"{name}.bias", bias);

        static Tensor Apply(Tensor weight, Tensor vector) => weight.to(ScalarType.Float32).mv(vector.to(ScalarType.Float32)).to(ScalarType.Float64);
    }
}
