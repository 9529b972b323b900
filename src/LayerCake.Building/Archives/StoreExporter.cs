using System.Formats.Tar;

namespace LayerCake.Building;

/// <summary>Writes results of a store into one file, for a machine that no cache reaches.</summary>
public sealed class StoreExporter(ArtifactStore store)
{
    /// <summary>Writes the results of keys, and those they were made from as far as they are there.</summary>
    /// <param name="path">The file, which is there whole or as it was before.</param>
    /// <param name="keys">Which; those that are not in the store are an error.</param>
    /// <param name="token">Ends it; nothing is left.</param>
    /// <exception cref="BuildException">A result is missing or damaged, or the file cannot be written.</exception>
    public ArchiveReport Export(string path, IReadOnlyCollection<StepKey> keys, CancellationToken token = default)
    {
        var target = Path.GetFullPath(path);
        if (Directory.Exists(target))
        {
            throw new BuildException($"cannot write the archive: {target} is a folder; name a file");
        }

        var records = Collect(keys);
        var contents = new SortedDictionary<Digest, TreeEntry.File>();
        foreach (var record in records.Values)
        {
            foreach (var entry in record.Tree.Entries)
            {
                if (entry is TreeEntry.File file)
                {
                    contents[file.Content] = file;
                }
            }
        }

        var temporary = $"{target}.{Guid.NewGuid():n}.tmp";
        try
        {
            StorageErrors.Guard("write the archive", target, () =>
            {
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
                {
                    Write(stream, contents.Values, records.Values, token);
                    stream.Flush(flushToDisk: true);
                }

                store.Faults.Pass(FaultPoints.ExportWritten);
                File.Move(temporary, target, overwrite: true);
                Folders.Flush(Path.GetDirectoryName(target)!);
            });
        }
        finally
        {
            StorageErrors.Guard("remove a temporary file", temporary, () => File.Delete(temporary));
        }

        var bytes = 0L;
        foreach (var file in contents.Values)
        {
            bytes += file.Size;
        }

        return new ArchiveReport(records.Count, contents.Count, bytes, 0);
    }

    private SortedDictionary<Digest, StepRecord> Collect(IReadOnlyCollection<StepKey> keys)
    {
        var records = new SortedDictionary<Digest, StepRecord>();
        foreach (var key in keys)
        {
            var (record, fault) = store.Find(key);
            if (record is null)
            {
                throw new BuildException($"cannot export the result {key.Short}: {fault ?? "it is not in the store"}; build it first");
            }

            records[key.Value] = record;
        }

        foreach (var record in (StepRecord[])[.. records.Values])
        {
            foreach (var step in record.Lineage)
            {
                // An earlier result that was collected, or was made again with other bytes, is not part of this one any more.
                if (!records.ContainsKey(step.Key.Value) && store.Find(step.Key).Record is { } earlier && earlier.Tree.Digest == step.Tree
                    && store.Check(earlier.Tree, read: false, CancellationToken.None).Fault is null)
                {
                    records[step.Key.Value] = earlier;
                }
            }
        }

        return records;
    }

    private void Write(Stream stream, IEnumerable<TreeEntry.File> contents, IEnumerable<StepRecord> records, CancellationToken token)
    {
        using var tar = new TarWriter(stream, TarEntryFormat.Gnu, leaveOpen: true);
        WriteEntry(tar, StoreArchive.FormatName, new MemoryStream(StoreArchive.FormatContent));
        foreach (var file in contents)
        {
            token.ThrowIfCancellationRequested();
            if (!store.IsSound(file, token))
            {
                throw new BuildException($"cannot export the content {file.Content.Short} ({file.Path}): it is missing from the store or damaged; build again");
            }

            WriteEntry(tar, StoreArchive.NameOf(file.Content), File.OpenRead(store.Layout.Blob(file.Content)));
        }

        // Last, so that whoever reads from the front has the content of each.
        foreach (var record in records)
        {
            WriteEntry(tar, StoreArchive.NameOf(record.Key), new MemoryStream(StepRecordJson.Write(record)));
        }
    }

    private static void WriteEntry(TarWriter tar, string name, Stream content)
    {
        using (content)
        {
            tar.WriteEntry(StoreArchive.Entry(name, content));
        }
    }
}
