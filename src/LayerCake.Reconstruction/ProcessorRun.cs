using LayerCake.Models;
using LayerCake.Torch;

namespace LayerCake.Reconstruction;

/// <summary>Quantizes on the processor with LayerCake's own vector code; the same bits on every machine.</summary>
internal sealed class ProcessorRun : ILayerRun
{
    private readonly ReconstructionRequest _request;
    private readonly ModelConfiguration _configuration;
    private readonly SolverSettings _settings;
    private readonly ParallelOptions _options;
    private readonly HiddenStates? _states;
    private readonly HiddenStates? _floatStates;
    private LayerReconstruction? _reconstruction;

    /// <param name="samples">Those that the method looks at.</param>
    /// <exception cref="TorchException">The settings learn, and libtorch cannot be loaded.</exception>
    public ProcessorRun(ReconstructionRequest request, ModelConfiguration configuration, SolverSettings settings, IReadOnlyList<int[]> samples, ParallelOptions options)
    {
        (_request, _configuration, _settings, _options) = (request, configuration, settings, options);
        if (settings.Learning is not null)
        {
            // What learning cannot do without is missed at once, not after what comes before it.
            LibTorch.EnsureLoaded();
        }

        _states = samples.Count > 0 ? HiddenStates.Embed(request.Model.Weights, configuration, samples) : null;
        _floatStates = settings.FollowsFloatModel ? _states?.Clone() : null;
        States = [.. new[] { _states, _floatStates }.OfType<HiddenStates>()];
    }

    public IReadOnlyList<IKeptStates> States { get; }

    public string? Remark => null;

    public int LayersAtOnce => _settings.Learning is null ? 1 : _request.LayersLearnedAtOnce ?? LearningSettings.LayersAtOnce(_configuration);

    public IReadOnlyList<IQuantizedLayer> Run(int first, Action<string> progress)
    {
        if (_states is null)
        {
            using var original = StagedLayer.Load(_request.Model.Weights, _configuration, first, _options.CancellationToken);
            return [LayerReconstruction.RoundPlainly(original, _configuration, first, _settings.GroupSize, _options)];
        }

        _reconstruction ??= new LayerReconstruction(_configuration, _states, _floatStates, _settings, Reconstructor.NameOf(_settings.Solver(_request.Method)), Batch(_states), _options);
        using var span = new LayerSpan(_request.Model.Weights, _configuration, first, Math.Min(LayersAtOnce, _configuration.LayerCount - first), _options);
        if (_settings.Learning is not { } learning)
        {
            span.Solve(_reconstruction, null);
        }
        else
        {
            span.Solve(_reconstruction, progress);
            span.Learn(_reconstruction, learning, progress);
        }

        return span.Take();
    }

    public void Dispose()
    {
        _reconstruction?.Dispose();
        _states?.Dispose();
        _floatStates?.Dispose();
    }

    private int Batch(HiddenStates states) =>
        ReconstructionMemory.BatchWithin(_request.MemoryBudget, _configuration, _settings, states.Samples, states.Tokens, _options.MaxDegreeOfParallelism);
}
