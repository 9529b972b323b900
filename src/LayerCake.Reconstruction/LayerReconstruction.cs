using LayerCake.Models;
using LayerCake.Kernels;
using LayerCake.Quantization;
using LayerCake.Torch.Layers;

namespace LayerCake.Reconstruction;

/// <summary>
/// Quantizes one layer after the other on the quantized model's own activations: what a linear reads is what the linears before it, quantized, give.
/// Holds the hidden states of all samples; the same bits for any number of threads.
/// </summary>
internal sealed unsafe class LayerReconstruction : IDisposable
{
    /// <summary>Samples over which a layer is compared with its rounding to nearest.</summary>
    public const int SamplesCompared = 4;


    private readonly ModelConfiguration _configuration;
    private readonly ModelFamily _family;
    private readonly SolverSettings _settings;
    private readonly string _method;
    private readonly ParallelOptions _options;
    private readonly RotaryTable _rotary;
    private readonly ActivationPass _pass;
    private readonly HiddenStates _before;

    /// <param name="states">The quantized model's hidden states before the next layer; changed by every layer.</param>
    /// <param name="floatStates">The float model's, where the settings follow it, else null.</param>
    public LayerReconstruction(
        ModelConfiguration configuration, HiddenStates states, HiddenStates? floatStates, SolverSettings settings, string method, int batch, ParallelOptions options)
    {
        (_configuration, _settings, _method, _options) = (configuration, settings, method, options);
        _family = ModelFamily.Of(configuration);
        (States, FloatStates) = (states, floatStates);
        _rotary = RotaryAngles.Table(configuration, states.Tokens);
        _pass = new ActivationPass(configuration, states.Samples, states.Tokens, batch, floatStates is not null, options);
        _before = new HiddenStates(states.Samples, states.Tokens, states.Channels);
    }

    public HiddenStates States { get; }

    public HiddenStates? FloatStates { get; }

    /// <summary>Quantizes a layer and takes the hidden states through it.</summary>
    public ReconstructedLayer Run(StagedLayer original, int layer)
    {
        var quantized = original.Clone();
        var results = new Dictionary<string, SolvedLinear>(StringComparer.Ordinal);
        var solver = new GroupSolver(original, quantized, _family.Layer(layer), _method, _settings, _options, results);
        _before.CopyFrom(States);
        using (var stash = new HiddenStates(States.Samples, States.Tokens, Math.Max(_configuration.HiddenSize, _configuration.IntermediateSize)))
        {
            SolveAttention(original, quantized, solver, stash);
            SolveInner(original, quantized, solver, stash);
        }

        return KeepIfBetter(new ReconstructedLayer(quantized, results), original, layer);
    }

    /// <summary>Takes the quantized model's hidden states through layers again, which have changed since.</summary>
    /// <param name="before">Hidden states before the first of them.</param>
    public void Repeat(HiddenStates before, IReadOnlyList<ReconstructedLayer> layers) => _pass.Run((q, _, sample) =>
    {
        before.Read(sample, q.Hidden, q.HiddenStride);
        foreach (var layer in layers)
        {
            layer.Layer.Run(q, _rotary);
        }

        States.Write(sample, q.Hidden, q.HiddenStride);
    }, States.Samples);

    /// <summary>Rounds a layer to nearest without looking at activations.</summary>
    public static ReconstructedLayer RoundPlainly(StagedLayer original, ModelConfiguration configuration, int layer, int groupSize, ParallelOptions options)
    {
        var family = ModelFamily.Of(configuration);
        var rounded = original.Clone();
        var results = new Dictionary<string, SolvedLinear>(StringComparer.Ordinal);
        var settings = MethodSettings.Of(ReconstructionMethod.Rtn, ReconstructionEffort.Fast, groupSize);
        new GroupSolver(original, rounded, family.Layer(layer), "rtn", settings, options, results).SolvePlainly(family.Linears(configuration));
        return new ReconstructedLayer(rounded, results);
    }

    public void Dispose()
    {
        _pass.Dispose();
        _before.Dispose();
    }

    /// <summary>
    /// What is best for every linear need not be best for the layer. Where rounding to nearest leaves less error in what the layer gives, over the first samples, its
    /// result is taken.
    /// </summary>
    private ReconstructedLayer KeepIfBetter(ReconstructedLayer found, StagedLayer original, int layer)
    {
        var plain = RoundPlainly(original, _configuration, layer, _settings.GroupSize, _options);
        var errors = new (double Found, double Plain)[Math.Min(States.Samples, SamplesCompared)];
        _pass.Run((q, f, sample) =>
        {
            using var wanted = new FloatBuffer(_pass.Tokens * q.HiddenStride);
            if (FloatStates is not null)
            {
                FloatStates.Read(sample, wanted.Pointer, q.HiddenStride);
            }
            else
            {
                _before.Read(sample, q.Hidden, q.HiddenStride);
                original.Run(q, _rotary);
                new Span<float>(q.Hidden, (int)wanted.Count).CopyTo(new Span<float>(wanted.Pointer, (int)wanted.Count));
            }

            _before.Read(sample, q.Hidden, q.HiddenStride);
            plain.Layer.Run(q, _rotary);
            errors[sample].Plain = Distance(q.Hidden, wanted.Pointer, wanted.Count);
            States.Read(sample, q.Hidden, q.HiddenStride);
            errors[sample].Found = Distance(q.Hidden, wanted.Pointer, wanted.Count);
        }, errors.Length);
        if (errors.Sum(error => error.Found) <= errors.Sum(error => error.Plain))
        {
            plain.Dispose();
            return found;
        }

        var sensitivities = found.Linears.ToDictionary(linear => linear.Key, linear => linear.Value.Sensitivities);
        found.Dispose();
        _pass.Run((q, _, sample) =>
        {
            _before.Read(sample, q.Hidden, q.HiddenStride);
            plain.Layer.Run(q, _rotary);
            States.Write(sample, q.Hidden, q.HiddenStride);
        }, States.Samples);
        return plain with { Linears = plain.Linears.ToDictionary(pair => pair.Key, pair => pair.Value with { Sensitivities = WithoutMethod(sensitivities[pair.Key], _method) }) };
    }

    /// <summary>What was measured of a linear that is rounded to nearest after all: what was used comes last, as everywhere.</summary>
    internal static IReadOnlyList<Sensitivity> WithoutMethod(IReadOnlyList<Sensitivity> measured, string method) =>
    [
        .. measured.Where(entry => entry.Method != method).OrderBy(entry => entry is { Method: "rtn", Bits: 4 }),
    ];

    private static double Distance(float* a, float* b, long count)
    {
        var sum = 0.0;
        for (long i = 0; i < count; i++)
        {
            var difference = (double)a[i] - b[i];
            sum += difference * difference;
        }

        return sum;
    }

    private InputMoments.Difference InputDifference => FloatStates is null ? InputMoments.Difference.None : InputMoments.Difference.Input;

    private InputMoments.Difference OutputDifference => FloatStates is null ? InputMoments.Difference.None : InputMoments.Difference.Output;

    private void SolveAttention(StagedLayer original, StagedLayer quantized, GroupSolver solver, HiddenStates stash)
    {
        var hidden = _configuration.HiddenSize;
        using (var moments = _pass.Observe(hidden, q => ((nint)q.Normed, q.HiddenStride), InputDifference, _configuration.HasAttentionBias, (q, f, sample) =>
        {
            States.Read(sample, q.Hidden, q.HiddenStride);
            quantized.Norm(PartNames.InputNorm, q);
            if (f is not null)
            {
                FloatStates!.Read(sample, f.Hidden, f.HiddenStride);
                original.Norm(PartNames.InputNorm, f);
                ActivationPass.Subtract(f.Normed, q.Normed, f.Normed, _pass.Tokens * q.HiddenStride);
            }
        }))
        {
            solver.SolveAfterNorm(PartNames.AttentionInputs, moments, PartNames.InputNorm);
        }

        using (var moments = _pass.Observe(hidden, q => ((nint)q.Queries, q.HiddenStride), OutputDifference, _configuration.HasAttentionBias, (q, f, sample) =>
        {
            States.Read(sample, q.Hidden, q.HiddenStride);
            quantized.Norm(PartNames.InputNorm, q);
            quantized.Attend(q, _rotary);
            stash.Write(sample, q.Queries, q.HiddenStride, hidden);
            if (f is not null)
            {
                FloatStates!.Read(sample, f.Hidden, f.HiddenStride);
                original.Norm(PartNames.InputNorm, f);
                original.Attend(f, _rotary);
                original.Output(f);
                StagedLayer.Add(f);
                FloatStates.Write(sample, f.Hidden, f.HiddenStride);
                original.Output(q);
                StagedLayer.Add(q);
                ActivationPass.Subtract(f.Hidden, q.Hidden, f.Normed, _pass.Tokens * q.HiddenStride);
            }
        }))
        {
            stash.Divide(solver.SolveAfterLinear(PartNames.Output, moments, PartNames.Value, _configuration.HeadDimension), _options);
        }
    }

    private void SolveInner(StagedLayer original, StagedLayer quantized, GroupSolver solver, HiddenStates stash)
    {
        var (hidden, inner) = (_configuration.HiddenSize, _configuration.IntermediateSize);
        using (var moments = _pass.Observe(hidden, q => ((nint)q.Normed, q.HiddenStride), InputDifference, centred: false, (q, f, sample) =>
        {
            States.Read(sample, q.Hidden, q.HiddenStride);
            stash.Read(sample, q.Queries, q.HiddenStride, hidden);
            quantized.Output(q);
            StagedLayer.Add(q);
            States.Write(sample, q.Hidden, q.HiddenStride);
            quantized.Norm(PartNames.PostAttentionNorm, q);
            if (f is not null)
            {
                FloatStates!.Read(sample, f.Hidden, f.HiddenStride);
                original.Norm(PartNames.PostAttentionNorm, f);
                ActivationPass.Subtract(f.Normed, q.Normed, f.Normed, _pass.Tokens * q.HiddenStride);
            }
        }))
        {
            solver.SolveAfterNorm(PartNames.InnerInputs, moments, PartNames.PostAttentionNorm);
        }

        using (var moments = _pass.Observe(inner, q => ((nint)q.Gate, q.InnerStride), OutputDifference, centred: false, (q, f, sample) =>
        {
            States.Read(sample, q.Hidden, q.HiddenStride);
            quantized.Norm(PartNames.PostAttentionNorm, q);
            quantized.Gated(q);
            stash.Write(sample, q.Gate, q.InnerStride, inner);
            if (f is not null)
            {
                FloatStates!.Read(sample, f.Hidden, f.HiddenStride);
                original.Norm(PartNames.PostAttentionNorm, f);
                original.Gated(f);
                original.Down(f);
                StagedLayer.Add(f);
                FloatStates.Write(sample, f.Hidden, f.HiddenStride);
                original.Down(q);
                StagedLayer.Add(q);
                ActivationPass.Subtract(f.Hidden, q.Hidden, f.Normed, _pass.Tokens * q.HiddenStride);
            }
        }))
        {
            stash.Divide(solver.SolveAfterLinear(PartNames.Down, moments, PartNames.Up, headDimension: 0), _options);
        }

        _pass.Run((q, _, sample) =>
        {
            States.Read(sample, q.Hidden, q.HiddenStride);
            stash.Read(sample, q.Gate, q.InnerStride, inner);
            quantized.Down(q);
            StagedLayer.Add(q);
            States.Write(sample, q.Hidden, q.HiddenStride);
        }, States.Samples);
    }
}
