using System.Diagnostics;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;

namespace LayerCake.CakeModule;

/// <summary>One run's view of the compiled scripts: copies of what is published, and room for what this run compiles.</summary>
internal sealed class PrivateScriptCache
{
    private readonly string _published;
    private readonly HashSet<string> _alreadyPublished = new(StringComparer.Ordinal);

    private PrivateScriptCache(string folder, string published)
    {
        Folder = folder;
        _published = published;
    }

    public string Folder { get; }

    /// <summary>Opens the cache of the scripts below <paramref name="root"/>; null where it cannot be used, which only costs time.</summary>
    public static PrivateScriptCache? TryOpen(string root)
    {
        try
        {
            var scripts = Path.Combine(root, "artifacts", "cake", "scripts");
            var published = Path.Combine(scripts, HashOfScripts(root));
            var folder = Path.Combine(scripts, $"run-{Environment.ProcessId}");
            SweepDeadRuns(scripts);
            Directory.CreateDirectory(published);
            Directory.CreateDirectory(folder);

            // Copies of some 70 kB: Cake does not load a script through a symbolic link.
            var cache = new PrivateScriptCache(folder, published);
            foreach (var compiled in Directory.EnumerateFiles(published, "*.dll"))
            {
                var name = Path.GetFileName(compiled);
                File.Copy(compiled, Path.Combine(folder, name));
                cache._alreadyPublished.Add(name);
            }

            return cache;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Moves what this run compiled to where later runs find it. A reader sees a whole file or none.</summary>
    public void Publish()
    {
        try
        {
            foreach (var file in new DirectoryInfo(Folder).EnumerateFiles("*.dll"))
            {
                if (!_alreadyPublished.Contains(file.Name) && IsWhole(file))
                {
                    file.MoveTo(Path.Combine(_published, file.Name), overwrite: true);
                }
            }

            Directory.Delete(Folder, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Another run has published the same file, or the folder went away: the next run compiles again.
        }
    }

    /// <summary>False for what a full disk or a stopped run left behind.</summary>
    private static bool IsWhole(FileInfo assembly)
    {
        try
        {
            using var reader = new PEReader(assembly.OpenRead());
            return reader.GetMetadataReader().TypeDefinitions.Count > 0
                && reader.PEHeaders.SectionHeaders.All(section => section.PointerToRawData + section.SizeOfRawData <= assembly.Length);
        }
        catch (Exception failure) when (failure is BadImageFormatException or InvalidOperationException)
        {
            return false;
        }
    }

    private static string HashOfScripts(string root)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(typeof(PrivateScriptCache).Module.ModuleVersionId.ToByteArray());
        var scripts = Directory.EnumerateFiles(Path.Combine(root, "build"), "*.cake").Order(StringComparer.Ordinal)
            .Prepend(Path.Combine(root, "build.cake"));
        foreach (var script in scripts)
        {
            var content = File.ReadAllBytes(script);
            hash.AppendData(BitConverter.GetBytes(content.LongLength));
            hash.AppendData(content);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..32];
    }

    /// <summary>Removes the folders of runs that were killed before they could publish.</summary>
    private static void SweepDeadRuns(string scripts)
    {
        if (!Directory.Exists(scripts))
        {
            return;
        }

        foreach (var folder in Directory.EnumerateDirectories(scripts, "run-*"))
        {
            if (int.TryParse(Path.GetFileName(folder)["run-".Length..], out var processId) && !IsAlive(processId))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static bool IsAlive(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
