namespace LayerCake.Provenance;

/// <summary>What a folder or an archive holds: every file with its digest, every link, and what may not be in a package. Nothing of it is believed yet.</summary>
public sealed class PackageInventory
{
    /// <summary>More entries than any package has.</summary>
    internal const int MaxEntries = 1_000_000;

    /// <summary>The records that say what a package is are read whole up to this size.</summary>
    internal const long MaxRecordBytes = 64 << 20;

    private const int MaxHops = 40;

    private readonly SortedDictionary<string, PackageFile> _files = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _links = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _records = new(StringComparer.Ordinal);
    private readonly List<VerificationFinding> _faults = [];

    internal PackageInventory(string source) => Source = source;

    /// <summary>The folder or archive, as it was named.</summary>
    public string Source { get; }

    /// <summary>The regular files, sorted by path.</summary>
    public IReadOnlyList<PackageFile> Files => [.. _files.Values];

    /// <summary>The symbolic links, sorted by path.</summary>
    public IReadOnlyList<PackageLink> Links => [.. _links.Select(link => new PackageLink(link.Key, link.Value))];

    /// <summary>What no package may hold: devices, pipes, links that lead out, names that other systems cannot hold.</summary>
    internal IReadOnlyList<VerificationFinding> Faults => _faults;

    /// <summary>Reads a folder or an archive (tar, tar.zst), hashing on all cores.</summary>
    /// <exception cref="ProvenanceException">There is no such thing, or it cannot be read as one.</exception>
    public static PackageInventory Read(string path, CancellationToken token = default) =>
        Directory.Exists(path) ? FolderInventory.Read(path, token)
        : File.Exists(path) ? ArchiveInventory.Read(path, token)
        : throw new ProvenanceException($"{path} does not exist: name the folder of a package, or its archive");

    internal PackageFile? FindFile(string path) => _files.GetValueOrDefault(path);

    internal string? FindLink(string path) => _links.GetValueOrDefault(path);

    /// <summary>The bytes of one of <see cref="PackageFiles.All"/>; null where it is not there or too large to be one.</summary>
    internal byte[]? Record(string name) => _records.GetValueOrDefault(name);

    internal void AddFile(PackageFile file, byte[]? content)
    {
        _files.Add(file.Path, file);
        if (content is not null)
        {
            _records.Add(file.Path, content);
        }
    }

    internal void AddLink(string path, string target)
    {
        _links.Add(path, target);
        if (PackagePath.LinkFaultOf(path, target) is { } fault)
        {
            AddFault(FindingKind.Link, path, $"is a symbolic link to '{PackagePath.Printable(target)}': {fault}");
        }
    }

    internal void AddFault(FindingKind kind, string path, string message) => _faults.Add(new VerificationFinding(kind, path, message));

    /// <summary>Links to files, as the files they stand for; a link to a folder is no file.</summary>
    internal IEnumerable<PackageFile> LinkedFiles()
    {
        foreach (var (path, target) in _links)
        {
            if (Resolve(path, target) is { } file)
            {
                yield return file with { Path = path };
            }
        }
    }

    private PackageFile? Resolve(string path, string target)
    {
        var waiting = new Stack<string>();
        Push(waiting, target);
        var at = Above(path);
        for (var hops = 0; waiting.TryPop(out var segment);)
        {
            if (segment == "..")
            {
                if (at.Length == 0)
                {
                    return null;
                }

                at = Above(at);
                continue;
            }

            var next = at.Length == 0 ? segment : $"{at}/{segment}";
            if (_links.TryGetValue(next, out var through))
            {
                if (++hops > MaxHops)
                {
                    return null;
                }

                Push(waiting, through);
            }
            else
            {
                at = next;
            }
        }

        return _files.GetValueOrDefault(at);
    }

    private static void Push(Stack<string> waiting, string target)
    {
        foreach (var segment in target.Split('/').Reverse())
        {
            waiting.Push(segment);
        }
    }

    private static string Above(string path) => path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "";
}
