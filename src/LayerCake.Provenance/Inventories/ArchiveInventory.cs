using System.Security.Cryptography;
using ZstdSharp;

namespace LayerCake.Provenance;

/// <summary>Reads a package's archive in one pass, unpacking nothing onto the disk.</summary>
internal static class ArchiveInventory
{
    /// <exception cref="ProvenanceException">The file is no archive of a package, or is damaged.</exception>
    public static PackageInventory Read(string path, CancellationToken token)
    {
        try
        {
            using var stream = Open(path);
            var archive = new Contents(new TarReader(stream, path), path, token);
            archive.ReadAll();
            return archive.ToInventory();
        }
        catch (ZstdException exception)
        {
            throw new ProvenanceException($"{path} is not valid zstd ({exception.Message}): it was cut off or changed", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ProvenanceException(
                exception is EndOfStreamException ? $"{path} ends too early: it was cut off" : $"{path} cannot be read: {exception.Message}", exception);
        }
    }

    private static Stream Open(string path)
    {
        if (!FileKind.IsRegular(path) && new FileInfo(path).LinkTarget is null)
        {
            throw new ProvenanceException($"{path} is a pipe, a socket or a device; name a folder or an archive");
        }

        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        Span<byte> magic = stackalloc byte[4];
        var isZstd = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.SequenceEqual<byte>([0x28, 0xB5, 0x2F, 0xFD]);
        file.Position = 0;
        return isZstd ? new ReadAheadStream(new DecompressionStream(file, leaveOpen: false)) : file;
    }

    private sealed class Contents(TarReader tar, string source, CancellationToken token)
    {
        private readonly Dictionary<string, (TarItem Item, string Sha256, byte[]? Content)> _items = new(StringComparer.Ordinal);
        private readonly PackageInventory _inventory = new(source);

        public void ReadAll()
        {
            var buffer = new byte[ContentHasher.BlockBytes];
            for (TarItem? item; (item = tar.Next()) is not null;)
            {
                var path = PathOf(item);
                if (path.Length == 0)
                {
                    continue;
                }

                var (digest, content) = item.Type == TarFormat.File ? Hash(item, path, buffer) : ("", null);
                if (PackagePath.FaultOf(path) is { } fault)
                {
                    _inventory.AddFault(FindingKind.Special, path, $"has a name that no package holds: {fault}");
                }
                else if (item.Type is not (TarFormat.File or TarFormat.Folder or TarFormat.SymbolicLink))
                {
                    var kind = item.Type == TarFormat.HardLink ? $"a hard link to '{PackagePath.Printable(item.Target)}'" : $"an entry of type '{(char)item.Type}'";
                    _inventory.AddFault(FindingKind.Special, path, $"is {kind}; packages hold files, folders and symbolic links");
                }
                else if (!_items.TryAdd(path, (item, digest, content)))
                {
                    _inventory.AddFault(FindingKind.Special, path, "is in the archive twice");
                }
                else if (_items.Count > PackageInventory.MaxEntries)
                {
                    throw new ProvenanceException($"{source} holds more than {PackageInventory.MaxEntries} entries; it is no package");
                }
            }
        }

        public PackageInventory ToInventory()
        {
            var top = Top();
            foreach (var (path, (item, digest, content)) in _items)
            {
                var name = path == top ? "" : top.Length > 0 ? path[(top.Length + 1)..] : path;
                if (name.Length == 0)
                {
                    continue;
                }

                if (BelowNoFolder(path) is { } above)
                {
                    _inventory.AddFault(FindingKind.Special, name, $"lies below '{above}', which is no folder");
                }
                else if (item.Type == TarFormat.SymbolicLink)
                {
                    _inventory.AddLink(name, item.Target);
                }
                else if (item.Type == TarFormat.File)
                {
                    _inventory.AddFile(new PackageFile(name, digest, item.Size), PackageFiles.All.Contains(name) ? content : null);
                }
            }

            return _inventory;
        }

        private (string Sha256, byte[]? Content) Hash(TarItem item, string path, byte[] buffer)
        {
            using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var isRecord = item.Size <= PackageInventory.MaxRecordBytes && PackageFiles.All.Contains(path[(path.LastIndexOf('/') + 1)..])
                && path.AsSpan().Count('/') <= 1;
            using var content = isRecord ? new MemoryStream() : null;
            for (int count; (count = tar.Read(buffer)) > 0;)
            {
                token.ThrowIfCancellationRequested();
                sha.AppendData(buffer, 0, count);
                content?.Write(buffer, 0, count);
            }

            return (Convert.ToHexStringLower(sha.GetHashAndReset()), content?.ToArray());
        }

        /// <summary>tar writes <c>./name</c> for <c>tar -C folder -c .</c>, and a slash after a folder.</summary>
        private static string PathOf(TarItem item)
        {
            var path = item.Path == "." ? "" : item.Path.StartsWith("./", StringComparison.Ordinal) ? item.Path[2..] : item.Path;
            return item.Type == TarFormat.Folder ? path.TrimEnd('/') : path;
        }

        /// <summary>The one folder that all lies in; empty where the package is not in a folder of its own.</summary>
        private string Top()
        {
            if (PackageFiles.All.Any(_items.ContainsKey))
            {
                return "";
            }

            var tops = _items.Keys.Select(path => path.IndexOf('/') is var slash and > 0 ? path[..slash] : path).Distinct().Take(2).ToList();
            return tops is [var only] && (!_items.TryGetValue(only, out var entry) || entry.Item.Type == TarFormat.Folder)
                ? only
                : throw new ProvenanceException($"{source} is no archive of a package: neither {PackageFiles.BuildRecord} nor one folder is at its top");
        }

        private string? BelowNoFolder(string path)
        {
            for (var slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1))
            {
                if (_items.TryGetValue(path[..slash], out var above) && above.Item.Type != TarFormat.Folder)
                {
                    return path[..slash];
                }
            }

            return null;
        }
    }
}
