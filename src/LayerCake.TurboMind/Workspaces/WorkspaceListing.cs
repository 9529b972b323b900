using System.Collections.Immutable;

namespace LayerCake.TurboMind;

/// <summary>
/// What a workspace (or a bare weights folder) holds, from config.ini and file sizes alone, and everything that the engine would only log a warning
/// for and then run on random memory.
/// </summary>
public sealed record WorkspaceListing
{
    /// <summary>The folder as given.</summary>
    public required string Path { get; init; }

    public required string WeightsPath { get; init; }

    public required EngineConfiguration Configuration { get; init; }

    /// <summary>Expected files in the order embedding, layers, norm, head (absent optional ones left out), then unexpected ones by name.</summary>
    public required ImmutableArray<WorkspaceEntry> Entries { get; init; }

    /// <summary>Everything wrong, as sentences; empty for a workspace the engine can load.</summary>
    public required ImmutableArray<string> Faults { get; init; }

    public long ByteCount => Entries.Sum(entry => entry.ByteCount);

    /// <param name="path">A workspace, or a folder with config.ini and weight files.</param>
    /// <exception cref="WorkspaceException">Neither of them, or config.ini is unusable.</exception>
    public static WorkspaceListing Read(string path)
    {
        var isWorkspace = WorkspacePaths.IsWorkspace(path);
        var weights = isWorkspace ? WorkspacePaths.Weights(path) : path;
        var configurationPath = System.IO.Path.Combine(weights, EngineConfigurationFile.FileName);
        if (!File.Exists(configurationPath))
        {
            throw new WorkspaceException($"{path} is not a TurboMind workspace: {configurationPath} does not exist");
        }

        var configuration = EngineConfigurationFile.Read(configurationPath);
        var entries = ReadEntries(weights, configuration);
        var faults = entries.Where(entry => entry.Fault is not null).Select(entry => $"{entry.Name}: {entry.Fault}")
            .Concat(WorkspaceLimits.Faults(configuration).Select(fault => $"{configurationPath}: {fault}"))
            .Concat(KeyValueFaults(weights, configuration, entries))
            .Concat(isWorkspace ? TreeFaults(path) : []);
        return new WorkspaceListing
        {
            Path = path,
            WeightsPath = weights,
            Configuration = configuration,
            Entries = entries,
            Faults = [.. faults],
        };
    }

    /// <summary>For verification after a write: one message with all faults.</summary>
    /// <exception cref="WorkspaceException">The workspace has faults.</exception>
    public void ThrowIfFaulty()
    {
        const int shown = 20;
        if (Faults.Length > 0)
        {
            var more = Faults.Length > shown ? $"\n  - and {Faults.Length - shown} more" : "";
            throw new WorkspaceException($"{Path} is not a sound workspace:\n  - {string.Join("\n  - ", Faults.Take(shown))}{more}");
        }
    }

    private static ImmutableArray<WorkspaceEntry> ReadEntries(string weights, EngineConfiguration configuration)
    {
        Dictionary<string, long> present;
        try
        {
            present = new DirectoryInfo(weights).EnumerateFileSystemInfos()
                .Where(entry => entry.Name != EngineConfigurationFile.FileName)
                .ToDictionary(entry => entry.Name, entry => entry is FileInfo file ? TargetLength(file) : -1, StringComparer.Ordinal);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WorkspaceException($"{weights} cannot be read: {fault.Message}", fault);
        }

        var entries = ImmutableArray.CreateBuilder<WorkspaceEntry>();
        foreach (var file in WeightFile.Expected(configuration))
        {
            if (present.Remove(file.Name, out var bytes))
            {
                var fault = bytes == file.ByteCount ? null : $"{bytes} bytes, but the engine expects {file.ByteCount}";
                entries.Add(new WorkspaceEntry(file.Name, file.DType, file.Shape, Math.Max(bytes, 0), fault));
            }
            else if (!file.IsOptional)
            {
                entries.Add(new WorkspaceEntry(file.Name, file.DType, file.Shape, 0, $"missing ({file.ByteCount} bytes expected)"));
            }
        }

        foreach (var (name, bytes) in present.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            entries.Add(new WorkspaceEntry(name, null, [], Math.Max(bytes, 0), "unexpected: the engine does not read it"));
        }

        return entries.ToImmutable();
    }

    private static long TargetLength(FileInfo file) => file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? (target.Exists ? target.Length : -1) : file.Length;

    private static IEnumerable<string> KeyValueFaults(string weights, EngineConfiguration configuration, ImmutableArray<WorkspaceEntry> entries)
    {
        var scales = entries.Where(entry => entry.Name.Contains(".past_kv_scale.", StringComparison.Ordinal) && entry is { DType: not null, Fault: null }).ToList();
        foreach (var scale in scales)
        {
            if (KeyValueScaleFiles.Fault(File.ReadAllBytes(System.IO.Path.Combine(weights, scale.Name))) is { } fault)
            {
                yield return $"{scale.Name}: {fault}";
            }
        }

        var expected = configuration.LayerCount * configuration.TensorParallel;
        if (scales.Count != expected && (scales.Count > 0 || configuration.QuantPolicy != 0))
        {
            yield return $"{scales.Count} of {expected} sound past_kv_scale files: for the others an int8 KV cache would use scale 1 and zero point 0";
        }
    }

    private static IEnumerable<string> TreeFaults(string workspace)
    {
        foreach (var path in WorkspaceTree.TemplatePaths.Where(path => !path.EndsWith("/placeholder", StringComparison.Ordinal)))
        {
            if (!File.Exists(System.IO.Path.Combine(workspace, path)))
            {
                yield return $"{path} is missing";
            }
        }

        foreach (var (link, target) in WorkspaceTree.SymbolicLinks)
        {
            if (!Directory.Exists(System.IO.Path.Combine(workspace, link)))
            {
                yield return $"{link} is missing or does not lead to {target}";
            }
        }

        var tokenizer = WorkspacePaths.Tokenizer(workspace);
        string[] own = ["placeholder", "tokenizer.py"];
        if (!Directory.Exists(tokenizer) || !Directory.EnumerateFiles(tokenizer).Any(file => !own.Contains(System.IO.Path.GetFileName(file))))
        {
            yield return "triton_models/tokenizer holds no tokenizer";
        }
    }
}
