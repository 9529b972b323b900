using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;

namespace LayerCake.Calibration;

/// <summary>What to calibrate, with which samples, on what.</summary>
public sealed record CalibrationRequest
{
    /// <summary>The model's configuration.</summary>
    public required ModelConfiguration Configuration { get; init; }

    /// <summary>The model's weights: float16, bfloat16 or float32.</summary>
    public required ITensorSource Weights { get; init; }

    /// <summary>Token ids, one array per sample, all of one length.</summary>
    public required IReadOnlyList<int[]> Samples { get; init; }

    /// <summary><c>auto</c>, <c>cpu</c> or <c>cuda</c>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Samples computed at once on the CPU; 0 for one per core. Never changes a bit of the result.</summary>
    public int Threads { get; init; }

    /// <summary>Bytes the run may use (see <see cref="CalibrationMemory"/>); fewer threads are used to stay within it. Null: no limit.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Where finished layers are kept, and found by a run that goes on after an interruption; null to keep none. Never changes a bit of the result.</summary>
    public ILayerParts? Parts { get; init; }
}
