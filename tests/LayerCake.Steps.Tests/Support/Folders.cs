using System.Security.Cryptography;

namespace LayerCake.Steps.Tests;

internal static class Folders
{
    /// <summary>Every file below a folder by its relative path, links left out, with its digest.</summary>
    public static SortedDictionary<string, string> Digests(string folder)
    {
        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in RegularFiles(folder))
        {
            digests.Add(Path.GetRelativePath(folder, path), DigestOf(path));
        }

        return digests;
    }

    public static IEnumerable<string> RegularFiles(string folder) => Directory.EnumerateFiles(
        folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint });

    public static string DigestOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));

    /// <summary>Whether its owner may run it; where the system has no such mark, everything may.</summary>
    public static bool IsExecutable(string path) => OperatingSystem.IsWindows() || File.GetUnixFileMode(path).HasFlag(UnixFileMode.UserExecute);

    /// <summary>A writable copy of a folder with everything in it, links kept.</summary>
    public static void Copy(string source, string destination)
    {
        Directory.CreateDirectory(destination);
        foreach (var info in new DirectoryInfo(source).EnumerateFileSystemInfos())
        {
            var target = Path.Combine(destination, info.Name);
            if (info.LinkTarget is { } link)
            {
                File.CreateSymbolicLink(target, link);
            }
            else if (info is DirectoryInfo)
            {
                Copy(info.FullName, target);
            }
            else
            {
                File.Copy(info.FullName, target);
            }
        }
    }
}
