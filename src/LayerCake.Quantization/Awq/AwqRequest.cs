using LayerCake.Checkpoints;

namespace LayerCake.Quantization;

/// <summary>File format of quantized weights.</summary>
public enum WeightFormat
{
    /// <summary><c>model.safetensors</c>, or numbered shards with an index.</summary>
    Safetensors,

    /// <summary><c>pytorch_model.bin</c> as LMDeploy v0.1.0 writes it, or numbered shards with an index.</summary>
    Torch,
}

/// <summary>What <see cref="AwqQuantizer"/> shall do.</summary>
public sealed record AwqRequest
{
    /// <summary>The float model; stays the caller's.</summary>
    public required HuggingFaceFolder Model { get; init; }

    /// <summary>Largest magnitude of every input channel by module name (<see cref="StatisticsFiles.ReadInputAbsMax"/>).</summary>
    public required IReadOnlyDictionary<string, Half[]> InputAbsMax { get; init; }

    /// <summary>Where the checkpoint goes; made if absent. Not the model's own folder. Other files in it stay.</summary>
    public required string OutputFolder { get; init; }

    public AwqOptions Options { get; init; } = new();

    public WeightFormat Format { get; init; } = WeightFormat.Safetensors;

    /// <summary>A file is closed before the tensor that would make it larger. Default: the original's 2·10⁹ bytes.</summary>
    public long MaxShardBytes { get; init; } = 2_000_000_000;

    /// <summary>Whether all weights are read once for NaN and infinities before anything is written. Off when <see cref="WeightScan"/> has already run.</summary>
    public bool ScanWeights { get; init; } = true;

    /// <summary>Where finished layers are kept, and found by a run that goes on after an interruption; null to keep none. Does not change a bit.</summary>
    public ILayerParts? Parts { get; init; }

    /// <summary>Threads that compute; 0 for all processors. Does not change a bit.</summary>
    public int Threads { get; init; }
}

/// <summary>One line of progress, as LMDeploy prints it.</summary>
/// <param name="Line">For example <c>model.layers.0.self_attn.q_proj weight packed.</c></param>
/// <param name="LayersDone">Layers finished so far.</param>
/// <param name="LayerCount">Layers in all.</param>
public sealed record AwqProgress(string Line, int LayersDone, int LayerCount);

/// <summary>How well one linear survived.</summary>
/// <param name="Name">Module name.</param>
/// <param name="RelativeError">Σ(w' − w)² / Σw² of the smoothed weight w and what its codes stand for.</param>
public sealed record LinearError(string Name, double RelativeError);

/// <summary>What was written.</summary>
public sealed record AwqResult
{
    /// <summary>File names in the output folder, sorted: weights, index, configuration and side files.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Bytes of all tensors written.</summary>
    public required long TensorBytes { get; init; }

    /// <summary>Every quantized linear, in order.</summary>
    public required IReadOnlyList<LinearError> Linears { get; init; }

    /// <summary>The error of what every linear gives, by method and bits; empty where the method does not look at activations.</summary>
    public IReadOnlyList<Sensitivity> Sensitivities { get; init; } = [];
}
