using System.Formats.Tar;

namespace LayerCake.Building;

/// <summary>
/// Takes results from an archive into a store. The archive may come from anywhere: every byte is hashed before it gets its place, only what an export writes is
/// read, and what the store has stays as it is.
/// </summary>
public sealed class StoreImporter(ArtifactStore store)
{
    private const int MaxEntries = 1_000_000;
    private const int MaxRecords = 100_000;

    /// <exception cref="BuildException">The file is not such an archive, is damaged or hostile, or the store cannot be written. No result of it was taken then.</exception>
    public async Task<ArchiveReport> ImportAsync(string path, CancellationToken token = default)
    {
        if (!File.Exists(path))
        {
            throw new BuildException($"cannot read the archive {path}: there is no such file");
        }

        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
            using var tar = new TarReader(stream);
            return await ImportAsync(path, tar, stream.Length, token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or FormatException or NotSupportedException or OverflowException or ArgumentException)
        {
            // What the reader answers to bytes that are no tar file.
            throw Refuse(path, "it is damaged, cut off or not an archive of results", exception);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            throw StorageErrors.Explain(exception, "import the archive", path);
        }
    }

    private async Task<ArchiveReport> ImportAsync(string path, TarReader tar, long length, CancellationToken token)
    {
        var records = new Dictionary<StepKey, StepRecord>();
        var contents = new HashSet<Digest>();
        var bytes = 0L;
        var entries = 0;
        while (await tar.GetNextEntryAsync(copyData: false, token).ConfigureAwait(false) is { } entry)
        {
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
            {
                throw Refuse(path, $"'{Printable(entry.Name)}' in it is not a file");
            }

            if (++entries > MaxEntries || records.Count > MaxRecords)
            {
                throw Refuse(path, "it has too many entries");
            }

            if (entry.Length > length)
            {
                throw Refuse(path, $"'{Printable(entry.Name)}' in it claims to be larger than the archive");
            }

            if (entries == 1)
            {
                CheckFormat(path, entry);
            }
            else if (StoreArchive.ContentOf(entry.Name) is { } digest)
            {
                if (!contents.Add(digest))
                {
                    throw Refuse(path, $"it has the content {digest.Short} twice");
                }

                bytes += entry.Length;
                TakeContent(path, digest, entry, token);
            }
            else if (StoreArchive.KeyOf(entry.Name) is { } key)
            {
                if (!records.TryAdd(key, ReadRecord(path, key, entry)))
                {
                    throw Refuse(path, $"it has the record {key.Short} twice");
                }
            }
            else
            {
                throw Refuse(path, $"'{Printable(entry.Name)}' in it is neither content nor a record");
            }
        }

        if (entries == 0)
        {
            throw Refuse(path, "it is empty");
        }

        var present = await TakeRecordsAsync(path, records, token).ConfigureAwait(false);
        store.Stats.Save();
        return new ArchiveReport(records.Count, contents.Count, bytes, present);
    }

    private static void CheckFormat(string path, TarEntry entry)
    {
        if (entry.Name != StoreArchive.FormatName || entry.Length > 100)
        {
            throw Refuse(path, "it is not an archive of results (layercake cache export makes them)");
        }

        if (!ReadAll(entry).AsSpan().SequenceEqual(StoreArchive.FormatContent))
        {
            throw Refuse(path, "another version of LayerCake wrote it, in another form");
        }
    }

    private void TakeContent(string path, Digest digest, TarEntry entry, CancellationToken token)
    {
        if (FileStat.Of(store.Layout.Blob(digest)) is { } there && there.Size == entry.Length)
        {
            // Whether it is sound is looked at when its record is taken; if not, the build makes it again.
            return;
        }

        var temporary = store.NewTemporaryFile();
        var file = new HashingFile(temporary, entry.Length);
        try
        {
            entry.DataStream?.CopyTo(file, 1 << 20);
            token.ThrowIfCancellationRequested();
            if (file.Finish() != digest)
            {
                throw Refuse(path, $"the content {digest.Short} in it is damaged");
            }
        }
        catch
        {
            file.Discard();
            File.Delete(temporary);
            throw;
        }

        store.Adopt(temporary, digest);
        Folders.Flush(Path.GetDirectoryName(store.Layout.Blob(digest))!);
        store.Faults.Pass(FaultPoints.ImportContent);
    }

    private static StepRecord ReadRecord(string path, StepKey key, TarEntry entry)
    {
        if (entry.Length > StepRecordJson.MaxBytes)
        {
            throw Refuse(path, $"the record {key.Short} in it is too large to be one");
        }

        try
        {
            return StepRecordJson.Read(key, ReadAll(entry));
        }
        catch (FormatException exception)
        {
            throw Refuse(path, $"the record {key.Short} in it is damaged ({exception.Message.TrimEnd('.')})", exception);
        }
    }

    private async Task<int> TakeRecordsAsync(string path, Dictionary<StepKey, StepRecord> records, CancellationToken token)
    {
        using var open = await store.Gate.EnterAsync(token).ConfigureAwait(false);
        foreach (var (key, record) in records)
        {
            // Before the first is written: all of the archive, or no result of it.
            if (store.Check(record.Tree, read: true, token).Fault is { } fault)
            {
                throw Refuse(path, $"the result {record.Step.Name} {key.Short} in it is not whole: {fault}");
            }
        }

        var present = 0;
        foreach (var (key, record) in records)
        {
            if (store.Find(key).Record is { } own && store.Check(own.Tree, read: false, token).Fault is null)
            {
                present++;
                continue;
            }

            store.Write(record);
            store.Faults.Pass(FaultPoints.ImportRecord);
        }

        return present;
    }

    private static byte[] ReadAll(TarEntry entry)
    {
        var content = new byte[entry.Length];
        entry.DataStream?.ReadExactly(content);
        return content;
    }

    private static BuildException Refuse(string path, string why, Exception? inner = null) =>
        new($"cannot import {path}: {why}; no result was taken from it", inner);

    private static string Printable(string text)
    {
        var shown = text.Length > 100 ? text[..100] + "…" : text;
        return string.Create(shown.Length, shown, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? '?' : source[i];
            }
        });
    }
}
