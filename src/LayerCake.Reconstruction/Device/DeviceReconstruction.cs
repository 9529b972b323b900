using LayerCake.Models;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// <see cref="LayerReconstruction"/> on a device, many tokens at a time. What o and down read is computed again rather than kept: on a GPU that costs less than its memory
/// would.
/// </summary>
/// <param name="operations">What rounds groups.</param>
/// <param name="method">What results call it.</param>
/// <param name="states">The quantized model's hidden states before the next layer; changed by every layer.</param>
/// <param name="floatStates">The float model's, where the settings follow it, else null.</param>
/// <param name="before">As large; gets the states before a layer.</param>
/// <param name="batch">Samples at a time.</param>
/// <param name="device">What computes.</param>
internal sealed class DeviceReconstruction(
    ModelConfiguration configuration, SolverSettings settings, string method, IGroupOperations operations,
    DeviceStates states, DeviceStates? floatStates, DeviceStates before, int batch, Device device, CancellationToken cancellation)
{
    /// <summary>Takes a batch through a part of the layer.</summary>
    /// <param name="quantized">The quantized model's hidden states.</param>
    /// <param name="float">The float model's, or null.</param>
    /// <param name="first">The batch's first sample.</param>
    private delegate void Stage(Tensor quantized, Tensor? @float, int first);

    private InputMoments.Difference InputDifference => floatStates is null ? InputMoments.Difference.None : InputMoments.Difference.Input;

    private InputMoments.Difference OutputDifference => floatStates is null ? InputMoments.Difference.None : InputMoments.Difference.Output;

    /// <summary>The float model's hidden states, after the layer that was quantized last.</summary>
    public DeviceStates? FloatStates => floatStates;

    /// <summary>Quantizes a layer and takes the hidden states through it.</summary>
    public DeviceReconstructedLayer Run(DeviceLayer original, int layer)
    {
        using var scope = NewDisposeScope();
        var found = new DeviceReconstructedLayer(original.Clone(), new Dictionary<string, DeviceLinear>(StringComparer.Ordinal));
        try
        {
            before.CopyFrom(states);
            var solver = SolverOf(original, found, layer, method, settings);
            SolveAttention(original, found.Layer, solver);
            SolveInner(original, found.Layer, solver);
            return KeepIfBetter(found, original, layer);
        }
        catch
        {
            found.Dispose();
            throw;
        }
    }

    /// <summary>Takes the quantized model's hidden states through layers again, which have changed since.</summary>
    /// <param name="from">Hidden states before the first of them.</param>
    public void Repeat(DeviceStates from, IReadOnlyList<DeviceLayer> layers)
    {
        states.CopyFrom(from);
        RunBatches((q, _, first) => states.Write(first, layers.Aggregate(q, (hidden, layer) => Whole(layer, hidden))), states.Samples, withFloat: false);
    }

    private DeviceSolver SolverOf(DeviceLayer original, DeviceReconstructedLayer result, int layer, string name, SolverSettings used) => new(
        original, result.Layer, ModelFamily.Of(configuration).Layer(layer), name, used, operations, (Dictionary<string, DeviceLinear>)result.Linears);

    private void SolveAttention(DeviceLayer original, DeviceLayer quantized, DeviceSolver solver)
    {
        using (var moments = new DeviceMoments(configuration.HiddenSize, InputDifference, configuration.HiddenSize, device))
        {
            Observe(moments, configuration.HasAttentionBias, (q, f, _) =>
            {
                var normed = quantized.Norm(q, PartNames.InputNorm);
                moments.Add(normed, f is null ? null : Difference(original.Norm(f, PartNames.InputNorm), normed));
            });
            solver.SolveAfterNorm(PartNames.AttentionInputs, moments, PartNames.InputNorm);
        }

        using (var moments = new DeviceMoments(configuration.HiddenSize, OutputDifference, configuration.HiddenSize, device))
        {
            Observe(moments, configuration.HasAttentionBias, (q, f, first) =>
            {
                var joined = quantized.Attend(quantized.Norm(q, PartNames.InputNorm));
                Tensor? lacking = null;
                if (f is not null)
                {
                    var wanted = original.RunAttention(f);
                    floatStates!.Write(first, wanted);
                    lacking = Difference(wanted, original.AddAttention(q, joined));
                }

                moments.Add(joined, lacking);
            });
            solver.SolveAfterLinear(PartNames.Output, moments, PartNames.Value, configuration.HeadDimension);
        }
    }

    private void SolveInner(DeviceLayer original, DeviceLayer quantized, DeviceSolver solver)
    {
        using (var moments = new DeviceMoments(configuration.HiddenSize, InputDifference, configuration.HiddenSize, device))
        {
            Observe(moments, centred: false, (q, f, first) =>
            {
                var after = quantized.RunAttention(q);
                states.Write(first, after);
                var normed = quantized.Norm(after, PartNames.PostAttentionNorm);
                moments.Add(normed, f is null ? null : Difference(original.Norm(f, PartNames.PostAttentionNorm), normed));
            });
            solver.SolveAfterNorm(PartNames.InnerInputs, moments, PartNames.PostAttentionNorm);
        }

        using (var moments = new DeviceMoments(configuration.IntermediateSize, OutputDifference, configuration.HiddenSize, device))
        {
            Observe(moments, centred: false, (q, f, first) =>
            {
                var gated = quantized.Gated(quantized.Norm(q, PartNames.PostAttentionNorm));
                Tensor? lacking = null;
                if (f is not null)
                {
                    var wanted = original.RunMlp(f);
                    floatStates!.Write(first, wanted);
                    lacking = Difference(wanted, original.AddMlp(q, gated));
                }

                moments.Add(gated, lacking);
            });
            solver.SolveAfterLinear(PartNames.Down, moments, PartNames.Up, headDimension: 0);
        }

        RunBatches((q, _, first) => states.Write(first, quantized.RunMlp(q)), states.Samples, withFloat: false);
    }

    /// <summary>
    /// What is best for every linear need not be best for the layer. Where rounding to nearest leaves less error in what the layer gives, over the first samples, its
    /// result is taken.
    /// </summary>
    private DeviceReconstructedLayer KeepIfBetter(DeviceReconstructedLayer found, DeviceLayer original, int layer)
    {
        var plain = new DeviceReconstructedLayer(original.Clone(), new Dictionary<string, DeviceLinear>(StringComparer.Ordinal));
        try
        {
            var rounding = MethodSettings.Of(ReconstructionMethod.Rtn, ReconstructionEffort.Fast, settings.GroupSize);
            SolverOf(original, plain, layer, "rtn", rounding).SolvePlainly(ModelFamily.Of(configuration).Linears(configuration));
            var (foundError, plainError) = (0.0, 0.0);
            for (var first = 0; first < Math.Min(states.Samples, LayerReconstruction.SamplesCompared); first += batch)
            {
                using var scope = NewDisposeScope();
                var count = Math.Min(batch, Math.Min(states.Samples, LayerReconstruction.SamplesCompared) - first);
                var start = original.Enter(before.Read(first, count));
                var wanted = original.Enter(floatStates is null ? Whole(original, start) : floatStates.Read(first, count));
                plainError += Distance(Whole(plain.Layer, start), wanted);
                foundError += Distance(original.Enter(states.Read(first, count)), wanted);
            }

            if (foundError <= plainError)
            {
                plain.Dispose();
                return found;
            }

            states.CopyFrom(before);
            RunBatches((q, _, first) => states.Write(first, Whole(plain.Layer, q)), states.Samples, withFloat: false);
        }
        catch
        {
            plain.Dispose();
            throw;
        }

        var measured = found.Linears.ToDictionary(linear => linear.Key, linear => linear.Value.Sensitivities);
        found.Dispose();
        return plain with
        {
            Linears = plain.Linears.ToDictionary(pair => pair.Key, pair => pair.Value with { Sensitivities = LayerReconstruction.WithoutMethod(measured[pair.Key], method) }),
        };
    }

    private static Tensor Whole(DeviceLayer layer, Tensor hidden) => layer.RunMlp(layer.RunAttention(hidden));

    private static Tensor Difference(Tensor a, Tensor b) => a.to(ScalarType.Float32) - b.to(ScalarType.Float32);

    private static double Distance(Tensor a, Tensor b) => Difference(a, b).to(ScalarType.Float64).square().sum().cpu().item<double>();

    private void Observe(DeviceMoments moments, bool centred, Stage stage)
    {
        RunBatches(stage, states.Samples, withFloat: floatStates is not null);
        moments.Complete((long)states.Samples * states.Tokens, centred);
    }

    private void RunBatches(Stage stage, int samples, bool withFloat)
    {
        for (var first = 0; first < samples; first += batch)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var count = Math.Min(batch, samples - first);
            stage(states.Read(first, count), withFloat ? floatStates!.Read(first, count) : null, first);
        }
    }
}
