using LayerCake.Models;

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
    public ProcessorRun(ReconstructionRequest request, ModelConfiguration configuration, SolverSettings settings, IReadOnlyList<int[]> samples, ParallelOptions options)
    {
        (_request, _configuration, _settings, _options) = (request, configuration, settings, options);
        _states = samples.Count > 0 ? HiddenStates.Embed(request.Model.Weights, configuration, samples) : null;
        _floatStates = settings.FollowsFloatModel ? _states?.Clone() : null;
        States = [.. new[] { _states, _floatStates }.OfType<HiddenStates>()];
    }

    public IReadOnlyList<IKeptStates> States { get; }

    public string? Remark => null;

    public IQuantizedLayer Run(int layer)
    {
        using var original = StagedLayer.Load(_request.Model.Weights, _configuration, layer, _options.CancellationToken);
        if (_states is null)
        {
            return LayerReconstruction.RoundPlainly(original, _configuration, layer, _settings.GroupSize, _options);
        }

        _reconstruction ??= new LayerReconstruction(_configuration, _states, _floatStates, _settings, Reconstructor.NameOf(_request.Method), Batch(_states), _options);
        return _reconstruction.Run(original, layer);
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
