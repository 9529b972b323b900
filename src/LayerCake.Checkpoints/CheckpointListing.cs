using System.Collections.Immutable;

namespace LayerCake.Checkpoints;

/// <summary>How a listed file or folder is laid out.</summary>
public enum CheckpointFormat
{
    Safetensors,
    TorchArchive,
    WeightIndex,
    HuggingFaceFolder,

    /// <summary>A folder with checkpoint files but no config.json, as the work folder of a calibration is.</summary>
    LooseFiles,
}

/// <summary>A tensor and the file it lies in.</summary>
/// <param name="Info">Name, element type, shape, bytes.</param>
/// <param name="File">File name without folder.</param>
public sealed record ListedTensor(TensorInfo Info, string File);

/// <summary>What a checkpoint file or folder holds, from headers alone.</summary>
public sealed record CheckpointListing
{
    /// <summary>The path that was asked for.</summary>
    public required string Path { get; init; }

    public required CheckpointFormat Format { get; init; }

    /// <summary>Every tensor, file by file.</summary>
    public required ImmutableArray<ListedTensor> Tensors { get; init; }

    /// <summary>Texts that describe the whole: safetensors' <c>__metadata__</c>, the architecture of a model folder. Sorted by key.</summary>
    public required ImmutableSortedDictionary<string, string> Metadata { get; init; }

    /// <summary>Bytes of all tensors together.</summary>
    public long TotalByteCount => Tensors.Sum(tensor => tensor.Info.ByteCount);

    /// <summary>Elements of all tensors together.</summary>
    public long TotalElementCount => Tensors.Sum(tensor => tensor.Info.ElementCount);

    /// <summary>Lists a .safetensors file, a torch archive, an index file, a model folder or a folder of such files.</summary>
    /// <exception cref="CheckpointException">Nothing there, or not a sound checkpoint.</exception>
    public static CheckpointListing Of(string path) => throw new NotSupportedException();
}
