using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>A model's weights, one file of a workspace after the other, whatever the model lies in.</summary>
internal interface IWeightFeed : IDisposable
{
    ModelSourceKind Kind { get; }

    /// <summary>The engine's settings. <see cref="EngineConfiguration.TensorParallel"/> is the number of ranks of the files that are fed.</summary>
    EngineConfiguration Configuration { get; }

    /// <summary>The folder of the tokenizer.</summary>
    string TokenizerFolder { get; }

    /// <summary>Whether <see cref="EngineConfiguration.ModelName"/> was given by anybody.</summary>
    bool NamesModel { get; }

    /// <summary>Where <c>past_kv_scale</c> files lie, or null.</summary>
    string? KeyValueScalesFolder { get; }

    /// <summary>Settings of the source that have no effect, as sentences.</summary>
    IReadOnlyList<string> Warnings { get; }

    /// <summary>Reads every weight file; at most a few of them are in memory at a time, beside what <paramref name="receiver"/> keeps.</summary>
    void Feed(IWeightReceiver receiver, CancellationToken cancellation);
}
