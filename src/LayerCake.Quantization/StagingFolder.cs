using System.Diagnostics;
using System.Globalization;

namespace LayerCake.Quantization;

/// <summary>
/// A hidden folder inside an output folder, where files are written before they move into place together. It carries the machine's name
/// (the folder may be shared) and the process's number, so that a later run can tell what a killed one left behind and remove it.
/// </summary>
internal static class StagingFolder
{
    /// <summary>Makes the folder and its parents, and removes what dead processes left.</summary>
    /// <param name="folder">The output folder.</param>
    /// <param name="purpose">A word for its name, such as <c>awq</c>.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static void Create(string folder, string purpose)
    {
        Directory.CreateDirectory(folder);
        var prefix = Prefix(purpose);
        foreach (var left in Directory.GetDirectories(folder, prefix + "*"))
        {
            if (int.TryParse(Path.GetFileName(left).AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var process) && !IsRunning(process))
            {
                Directory.Delete(left, recursive: true);
            }
        }

        Directory.CreateDirectory(PathOf(folder, purpose));
    }

    /// <summary>Where this process's folder lies, written as <paramref name="folder"/> is, for messages.</summary>
    public static string PathOf(string folder, string purpose) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix(purpose)}{Environment.ProcessId}"));

    private static string Prefix(string purpose) => $".{purpose}-{Environment.MachineName}-";

    private static bool IsRunning(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            return process != Environment.ProcessId;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
