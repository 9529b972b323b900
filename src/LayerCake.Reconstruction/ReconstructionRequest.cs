using LayerCake.Checkpoints;
using LayerCake.Quantization;
using LayerCake.Torch;

namespace LayerCake.Reconstruction;

/// <summary>What <see cref="Reconstructor"/> shall do.</summary>
public sealed record ReconstructionRequest
{
    /// <summary>The float model; stays the caller's.</summary>
    public required HuggingFaceFolder Model { get; init; }

    public required ReconstructionMethod Method { get; init; }

    public ReconstructionEffort Effort { get; init; } = ReconstructionEffort.Balanced;

    /// <summary>Token ids of calibration, one array per sample, all of one length. <see cref="ReconstructionMethod.Rtn"/> needs none.</summary>
    public IReadOnlyList<int[]> Samples { get; init; } = [];

    /// <summary>Where the checkpoint goes; made if absent. Not the model's own folder. Other files in it stay.</summary>
    public required string OutputFolder { get; init; }

    /// <summary>Bits and group size.</summary>
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

    /// <summary>auto, cpu or cuda, as <see cref="TorchDevices"/> takes it: where activations are computed and linears solved.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Bytes of the host's memory that the run may use (see <see cref="ReconstructionMemory"/>). Null: no limit.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>For tests: takes the way of a GPU, in libtorch's own operations where <see cref="Device"/> is the processor.</summary>
    internal bool InLibtorch { get; init; }

    /// <summary>Layers that are learned together; null for what fits the model. For tests.</summary>
    internal int? LayersLearnedAtOnce { get; init; }
}
