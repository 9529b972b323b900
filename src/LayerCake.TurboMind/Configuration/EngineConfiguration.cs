using System.Collections.Immutable;

namespace LayerCake.TurboMind;

/// <summary>The values of <c>triton_models/weights/config.ini</c>, section <c>[llama]</c>. Defaults are those that LMDeploy v0.1.0 writes.</summary>
public sealed record EngineConfiguration
{
    /// <summary>The only head size the engine's attention kernels have.</summary>
    public const int HeadSize = 128;

    public required string ModelName { get; init; }

    /// <summary>Ranks the weights were split for; a power of two.</summary>
    public required int TensorParallel { get; init; }

    public required int HeadCount { get; init; }

    public required int KeyValueHeadCount { get; init; }

    /// <summary>Rows of the embedding, without the rows that pad it to a multiple of the ranks.</summary>
    public required int VocabularySize { get; init; }

    public required int LayerCount { get; init; }

    public required int IntermediateSize { get; init; }

    public required PythonNumber NormEpsilon { get; init; }

    /// <summary>q, k, v and o have biases.</summary>
    public required bool AttentionBias { get; init; }

    public required int StartId { get; init; }

    public required int EndId { get; init; }

    public required int SessionLength { get; init; }

    public required WeightType WeightType { get; init; }

    public int RotaryEmbedding { get; init; } = HeadSize;

    public required double RopeTheta { get; init; }

    public int SizePerHead { get; init; } = HeadSize;

    /// <summary>Rows of an int4 matrix that share a scale; otherwise whatever was asked for, usually 0.</summary>
    public required int GroupSize { get; init; }

    public int MaxBatchSize { get; init; } = 64;

    public int MaxContextTokenNum { get; init; } = 1;

    public int StepLength { get; init; } = 1;

    /// <summary>Below 1 a share of GPU memory for the KV cache, otherwise a number of blocks.</summary>
    public double CacheMaxEntryCount { get; init; } = 0.5;

    public int CacheBlockSequenceLength { get; init; } = 128;

    public int CacheChunkSize { get; init; } = 1;

    public bool UseContextFmha { get; init; } = true;

    /// <summary>0: KV cache in the weights' type; 4: int8 (LMDeploy 0.0.13 to 0.3.0).</summary>
    public int QuantPolicy { get; init; }

    public required int MaxPositionEmbeddings { get; init; }

    public double RopeScalingFactor { get; init; }

    public bool UseLogNAttention { get; init; }

    /// <summary>Keys that the engine reads and a converter does not write, in file order, kept when a file is rewritten.</summary>
    public ImmutableArray<KeyValuePair<string, string>> OtherValues { get; init; } = [];

    /// <summary>Width of the residual stream: the engine has no other.</summary>
    public int HiddenSize => HeadCount * SizePerHead;

    /// <summary>Rows of tok_embeddings.weight and output.weight.</summary>
    public int PaddedVocabularySize => (VocabularySize + TensorParallel - 1) / TensorParallel * TensorParallel;
}
