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
    private const string IndexSuffix = ".index.json";

    private static readonly ImmutableSortedDictionary<string, string> NoMetadata = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

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
    public static CheckpointListing Of(string path)
    {
        if (Directory.Exists(path))
        {
            return File.Exists(System.IO.Path.Combine(path, "config.json")) ? OfModelFolder(path) : OfLooseFiles(path);
        }

        return path.EndsWith(IndexSuffix, StringComparison.OrdinalIgnoreCase) ? OfIndex(path) : OfFile(path);
    }

    private static CheckpointListing OfModelFolder(string path)
    {
        using var folder = HuggingFaceFolder.Open(path);
        var metadata = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var name in (ReadOnlySpan<string>)["model_type", "torch_dtype", "dtype"])
        {
            if (folder.Config.TryGetProperty(name, out var value) && JsonFile.TextOrNull(value) is { } text)
            {
                metadata[name] = text;
            }
        }

        if (folder.TryGetArchitecture(out var architecture))
        {
            metadata["architecture"] = architecture;
        }

        return Create(path, CheckpointFormat.HuggingFaceFolder, folder.Shards, metadata.ToImmutable());
    }

    private static CheckpointListing OfIndex(string path)
    {
        using var weights = WeightFiles.Of(path).Open();
        return Create(path, CheckpointFormat.WeightIndex, weights.Shards, NoMetadata);
    }

    private static CheckpointListing OfLooseFiles(string path)
    {
        var files = FolderFiles.Of(path)
            .Where(file => System.IO.Path.GetExtension(file) is ".safetensors" or ".bin" or ".pth" or ".pt")
            .ToList();
        if (files.Count == 0)
        {
            throw new CheckpointException($"{path} holds no checkpoint: neither config.json nor *.safetensors, *.bin, *.pth or *.pt files.");
        }

        // One file after another: their tensors may share names, as the statistics of a calibration do.
        return new CheckpointListing
        {
            Path = path,
            Format = CheckpointFormat.LooseFiles,
            Tensors = [.. files.SelectMany(file => OfFile(file).Tensors)],
            Metadata = NoMetadata,
        };
    }

    private static CheckpointListing OfFile(string path)
    {
        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || !TorchArchive.LooksLikeOne(path))
        {
            using var safetensors = SafetensorsFile.Open(path);
            return Create(path, CheckpointFormat.Safetensors, [safetensors], safetensors.Metadata.ToImmutableSortedDictionary(StringComparer.Ordinal));
        }

        using var archive = TorchArchive.Open(path);
        return Create(path, CheckpointFormat.TorchArchive, [archive], NoMetadata);
    }

    private static CheckpointListing Create(
        string path, CheckpointFormat format, IReadOnlyList<ITensorSource> files, ImmutableSortedDictionary<string, string> metadata) => new()
        {
            Path = path,
            Format = format,
            Tensors = [.. files.SelectMany(file => file.Tensors.Select(tensor => new ListedTensor(tensor, System.IO.Path.GetFileName(file.Path))))],
            Metadata = metadata,
        };
}
