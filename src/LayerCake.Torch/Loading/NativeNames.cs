using System.Runtime.InteropServices;

namespace LayerCake.Torch;

/// <summary>What native libraries are called on this platform and where the program's own lie.</summary>
internal static class NativeNames
{
    /// <summary>
    /// Folders in the order they are searched: the program's folder libtorch, what the host read from its .deps.json, the program's folder
    /// (published for one platform), and the per-platform folder of a build without a platform.
    /// </summary>
    public static IReadOnlyList<string> Folders { get; } =
    [
        .. ((string?)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Prepend(Path.Combine(AppContext.BaseDirectory, "libtorch"))
            .Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", Platform, "native"))
            .Select(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))
            .Distinct(StringComparer.Ordinal),
    ];

    private static string Platform =>
        OperatingSystem.IsWindows() ? "win-x64" :
        OperatingSystem.IsMacOS() ? "osx-arm64" :
        $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    public static string Of(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll" :
        OperatingSystem.IsMacOS() ? $"lib{library}.dylib" :
        $"lib{library}.so";

    /// <summary>The path of a library among the program's files, null where it is not there.</summary>
    public static string? Find(string library) =>
        Folders.Select(folder => Path.Combine(folder, Of(library))).FirstOrDefault(File.Exists);
}
