using System.Text;

namespace LayerCake.Building.Tests;

/// <summary>What tests do to files behind the store's back, and what they compare.</summary>
internal static class Disk
{
    /// <summary>Changes one bit; with <paramref name="keepTime"/> the modification time is set back as a careful intruder would.</summary>
    public static void FlipByte(string path, bool keepTime = false)
    {
        var time = File.GetLastWriteTimeUtc(path);
        var mode = File.GetUnixFileMode(path);
        File.SetUnixFileMode(path, mode | UnixFileMode.UserWrite);
        var content = File.ReadAllBytes(path);
        content[content.Length / 2] ^= 1;
        File.WriteAllBytes(path, content);
        File.SetUnixFileMode(path, mode);
        if (keepTime)
        {
            File.SetLastWriteTimeUtc(path, time);
        }
    }

    /// <summary>Every file below a folder with its content's digest, execute bit and links, as text.</summary>
    public static string Describe(string folder)
    {
        var text = new StringBuilder();
        Describe(new DirectoryInfo(folder), "", text);
        return text.ToString();
    }

    private static void Describe(DirectoryInfo folder, string prefix, StringBuilder text)
    {
        foreach (var info in folder.EnumerateFileSystemInfos().OrderBy(info => info.Name, StringComparer.Ordinal))
        {
            text.Append(prefix).Append(info.Name).Append(' ');
            text.AppendLine(info.LinkTarget is { } target ? "-> " + target
                : info is DirectoryInfo ? "folder"
                : $"{Digest.Of(File.ReadAllBytes(info.FullName))} {(info.UnixFileMode.HasFlag(UnixFileMode.UserExecute) ? "x" : "-")}");
            if (info is DirectoryInfo { LinkTarget: null } inner)
            {
                Describe(inner, prefix + info.Name + "/", text);
            }
        }
    }

    /// <summary>The part of a store that must be the same after any history: content and records without run times.</summary>
    public static string DescribeStore(string root)
    {
        var text = new StringBuilder(Describe(Path.Combine(root, "cas")));
        foreach (var record in Directory.EnumerateFiles(Path.Combine(root, "steps"), "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            text.AppendLine(Path.GetFileName(record));
            text.AppendLine(string.Join('\n', File.ReadLines(record).Where(line => !line.Contains("run_seconds"))));
        }

        return text.ToString();
    }
}
