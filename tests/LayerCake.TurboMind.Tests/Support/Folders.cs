using System.Security.Cryptography;

namespace LayerCake.TurboMind.Tests;

internal static class Folders
{
    public static string Digest(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>"digest  size  name" of each file, sorted by name: the form of the golden .sha256 lists.</summary>
    public static string[] DigestLines(string folder) =>
        [.. Directory.EnumerateFiles(folder)
            .OrderBy(Path.GetFileName, StringComparer.Ordinal)
            .Select(file => $"{Digest(File.ReadAllBytes(file))}  {new FileInfo(file).Length}  {Path.GetFileName(file)}")];
}
