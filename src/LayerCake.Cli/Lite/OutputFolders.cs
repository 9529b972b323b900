using LayerCake.Building;
using LayerCake.Quantization;

namespace LayerCake.Cli.Lite;

/// <summary>Checks of folders that a command writes into, before anything long runs.</summary>
internal static class OutputFolders
{
    /// <summary>Makes the folder and tries that it can be written.</summary>
    /// <exception cref="BuildException">It cannot.</exception>
    public static void Prepare(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var trial = Path.Combine(folder, $".layercake-{Environment.ProcessId}");
            File.WriteAllBytes(trial, []);
            File.Delete(trial);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new BuildException($"cannot write into the folder {folder}: {failure.Message.TrimEnd('.')}; choose another one or change its permissions", failure);
        }
    }

    /// <summary>Whether two paths name one folder, links resolved.</summary>
    public static bool AreSame(string left, string right) => Resolve(left) == Resolve(right);

    /// <summary>
    /// A folder with weights of both formats would be read as a mixture by a converter that takes all files of one kind (LMDeploy's prefers safetensors).
    /// </summary>
    /// <exception cref="UsageException">Weights of the other format lie there.</exception>
    public static void RefuseOtherWeights(string folder, WeightFormat format)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        var pattern = format == WeightFormat.Safetensors ? "pytorch_model*.bin" : "*.safetensors";
        if (Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal).FirstOrDefault() is { } stale)
        {
            throw new UsageException(
                $"{folder} already holds {Path.GetFileName(stale)}; weights of two formats in one folder would be mixed up. Remove it, choose another work_dir, or use --format {(format == WeightFormat.Safetensors ? "bin" : "safetensors")}.");
        }
    }

    private static string Resolve(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Directory.Exists(full) ? new DirectoryInfo(full).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? full : full;
    }
}
