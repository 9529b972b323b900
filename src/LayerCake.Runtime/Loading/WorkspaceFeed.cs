using LayerCake.Kernels;
using LayerCake.TurboMind;
using Microsoft.Win32.SafeHandles;

namespace LayerCake.Runtime;

/// <summary>The weight files of a workspace. A file that is missing or has another size than config.ini implies is an error, unlike in the engine.</summary>
internal sealed class WorkspaceFeed : IWeightFeed
{
    private const int FaultsShown = 20;
    private const int ReadBytes = 64 << 20;

    private readonly string _weights;

    private WorkspaceFeed(string weights, EngineConfiguration configuration)
    {
        _weights = weights;
        Configuration = configuration;
        // It lies beside the weights, also where only they were named.
        TokenizerFolder = Path.GetFullPath(Path.Combine(weights, "..", "tokenizer"));
    }

    public ModelSourceKind Kind => ModelSourceKind.Workspace;

    public EngineConfiguration Configuration { get; }

    public string TokenizerFolder { get; }

    public bool NamesModel => true;

    public string? KeyValueScalesFolder => _weights;

    public IReadOnlyList<string> Warnings => [];

    /// <summary>Whether a folder is a workspace, or the weights folder of one.</summary>
    public static bool Recognizes(string path) =>
        WorkspacePaths.IsWorkspace(path) || File.Exists(Path.Combine(path, EngineConfigurationFile.FileName));

    /// <exception cref="WorkspaceException">config.ini cannot be used, or weight files are missing or have the wrong size; the message names them.</exception>
    public static WorkspaceFeed Open(string path)
    {
        var weights = WorkspacePaths.IsWorkspace(path) ? WorkspacePaths.Weights(path) : path;
        var configurationPath = Path.Combine(weights, EngineConfigurationFile.FileName);
        var configuration = EngineConfigurationFile.Read(configurationPath);
        CheckLimits(configuration, configurationPath);
        configuration = WithRanksOfFiles(configuration, weights);
        CheckFiles(configuration, weights);
        return new WorkspaceFeed(weights, configuration);
    }

    public void Feed(IWeightReceiver receiver, CancellationToken cancellation)
    {
        foreach (var file in WeightFile.Expected(Configuration).Where(file => !file.IsOptional))
        {
            cancellation.ThrowIfCancellationRequested();
            receiver.Take(file.Name, Read(Path.Combine(_weights, file.Name), file.ByteCount, cancellation));
        }
    }

    public void Dispose()
    {
    }

    /// <summary>What the engine's kernels cannot carry would run there on garbage.</summary>
    private static void CheckLimits(EngineConfiguration configuration, string path)
    {
        var faults = WorkspaceLimits.Faults(configuration);
        if (faults.Count > 0)
        {
            throw new WorkspaceException($"{path}: {string.Join("; ", faults)}");
        }
    }

    /// <summary>
    /// The engine's rule for 16-bit weights: where the last rank's file is absent, every rank cuts its part from the files of rank 0, which are then whole.
    /// </summary>
    private static EngineConfiguration WithRanksOfFiles(EngineConfiguration configuration, string weights)
    {
        var last = WeightFile.Ranked(WeightFile.LayerPrefix(0) + "attention.w_qkv", configuration.TensorParallel - 1, "weight");
        var isWhole = configuration is { TensorParallel: > 1, WeightType: not WeightType.Int4 } && !File.Exists(Path.Combine(weights, last));
        return isWhole ? configuration with { TensorParallel = 1 } : configuration;
    }

    private static void CheckFiles(EngineConfiguration configuration, string weights)
    {
        var faults = new List<string>();
        foreach (var file in WeightFile.Expected(configuration).Where(file => !file.IsOptional))
        {
            var path = Path.Combine(weights, file.Name);
            var found = new FileInfo(path);
            if (found.Exists && found.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
            {
                found = target;
            }

            if (!found.Exists)
            {
                faults.Add($"{path} is missing ({file.ByteCount} bytes expected)");
            }
            else if (found.Length != file.ByteCount)
            {
                faults.Add($"{path} has {found.Length} bytes, but by config.ini it must have {file.ByteCount}");
            }
        }

        if (faults.Count > 0)
        {
            var more = faults.Count > FaultsShown ? $"\n  - and {faults.Count - FaultsShown} more" : "";
            throw new WorkspaceException($"the weights cannot be loaded:\n  - {string.Join("\n  - ", faults.Take(FaultsShown))}{more}");
        }
    }

    private static NativeBuffer Read(string path, long byteCount, CancellationToken cancellation)
    {
        var buffer = new NativeBuffer(byteCount);
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.SequentialScan);
            for (long done = 0; done < byteCount;)
            {
                cancellation.ThrowIfCancellationRequested();
                done += ReadPiece(handle, buffer, done, path);
            }

            return buffer;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            buffer.Dispose();
            throw new WorkspaceException($"{path} cannot be read: {fault.Message}", fault);
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    private static int ReadPiece(SafeFileHandle handle, NativeBuffer buffer, long done, string path)
    {
        var count = RandomAccess.Read(handle, buffer.Span(done, (int)Math.Min(ReadBytes, buffer.ByteCount - done)), done);
        return count > 0 ? count : throw new WorkspaceException($"{path} ends at byte {done}: it was cut off while it was read. Convert the model again");
    }
}
