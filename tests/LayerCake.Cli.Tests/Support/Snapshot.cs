using System.Text;
using LayerCake.Building;

namespace LayerCake.Cli.Tests;

/// <summary>Everything below a folder as text, to see that nothing of it changed.</summary>
internal static class Snapshot
{
    public static string Of(string folder)
    {
        var text = new StringBuilder();
        foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(folder, path);
            text.AppendLine(
                new FileInfo(path).LinkTarget is { } target ? $"{name} -> {target}"
                : Directory.Exists(path) ? $"{name}/"
                : $"{name} {Digest.Of(File.ReadAllBytes(path))}");
        }

        return text.ToString();
    }
}
