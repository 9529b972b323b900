namespace LayerCake.Provenance;

/// <summary>Archives of packages whose bytes are the same wherever and whenever they are made.</summary>
public static class PackageArchive
{
    /// <summary>Writes an archive: the entries sorted by name below one folder, owner and time 0, modes 755 and 644.</summary>
    /// <param name="output">Gets the bytes; stays open.</param>
    /// <param name="top">The name of the folder in the archive.</param>
    /// <param name="entries">In any order.</param>
    /// <param name="compress">Whether zstd (level 3, in independent frames) follows.</param>
    /// <param name="token">Ends the work.</param>
    /// <exception cref="ProvenanceException">A name cannot be archived, or a file changed its size meanwhile.</exception>
    public static void Write(Stream output, string top, IEnumerable<ArchiveEntry> entries, bool compress, CancellationToken token)
    {
        if (!compress)
        {
            WriteTar(output, top, entries, token);
            return;
        }

        using var zstd = new ZstdWriteStream(output);
        WriteTar(zstd, top, entries, token);
        zstd.Finish();
    }

    private static void WriteTar(Stream output, string top, IEnumerable<ArchiveEntry> entries, CancellationToken token)
    {
        var sorted = new SortedDictionary<string, ArchiveEntry>(StringComparer.Ordinal) { [top] = new ArchiveEntry.Folder(top) };
        foreach (var entry in entries)
        {
            if (PackagePath.FaultOf(entry.Path) is { } fault)
            {
                throw new ProvenanceException($"'{PackagePath.Printable(entry.Path)}' cannot be archived: {fault}");
            }

            sorted[$"{top}/{entry.Path}"] = entry;
            for (var slash = entry.Path.LastIndexOf('/'); slash > 0; slash = entry.Path.LastIndexOf('/', slash - 1))
            {
                var above = $"{top}/{entry.Path[..slash]}";
                sorted.TryAdd(above, new ArchiveEntry.Folder(above));
            }
        }

        var tar = new TarWriter(output);
        foreach (var (path, entry) in sorted)
        {
            switch (entry)
            {
                case ArchiveEntry.File file:
                    using (var content = new FileStream(file.Source, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan))
                    {
                        tar.WriteFile(path, content, file.Size, file.Executable, token);
                    }

                    break;
                case ArchiveEntry.Link link:
                    tar.WriteLink(path, link.Target);
                    break;
                default:
                    tar.WriteFolder(path);
                    break;
            }
        }

        tar.Finish();
    }
}
