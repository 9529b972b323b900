using System.Text;

namespace LayerCake.Building;

/// <summary>What an input was when the plan was made.</summary>
public sealed record InputFingerprint
{
    private const int MaxFiles = 100_000;
    private const int MaxDepth = 64;

    public required StepInput Input { get; init; }

    /// <summary>A file's digest; for a folder the digest over the sorted names and digests of its files.</summary>
    public required Digest Digest { get; init; }

    /// <summary>The files with their digests, sorted by path; for a single file one entry with its name.</summary>
    public required IReadOnlyList<KeyValuePair<RelativePath, Digest>> Files { get; init; }

    /// <summary>Reads what the stat cache does not know, on all cores.</summary>
    /// <exception cref="BuildException">The input is missing, is of another kind, or cannot be read.</exception>
    public static InputFingerprint Take(StepInput input, StatCache stats, CancellationToken token)
    {
        if (!input.IsFolder)
        {
            if (!File.Exists(input.Path))
            {
                throw new BuildException(Directory.Exists(input.Path)
                    ? $"the input '{input.Name}' is a folder, not a file: {input.Path}"
                    : $"the input '{input.Name}' is missing: there is no file {input.Path}");
            }

            var digest = stats.DigestOf(input.Path, token);
            var name = RelativePath.TryParse(Path.GetFileName(input.Path), out var plain) ? plain : RelativePath.Parse(input.Name);
            return new InputFingerprint { Input = input, Digest = digest, Files = [KeyValuePair.Create(name, digest)] };
        }

        if (!Directory.Exists(input.Path))
        {
            throw new BuildException(File.Exists(input.Path)
                ? $"the input '{input.Name}' is a file, not a folder: {input.Path}"
                : $"the input '{input.Name}' is missing: there is no folder {input.Path}");
        }

        var paths = new List<RelativePath>();
        StorageErrors.Guard($"read the input '{input.Name}'", input.Path, () => Collect(new DirectoryInfo(input.Path), null, input, 0, paths));
        paths.Sort();
        var digests = new Digest[paths.Count];
        var unknown = new List<(int Index, long Size)>();
        for (var i = 0; i < digests.Length; i++)
        {
            var stat = FileStat.Of(paths[i].Below(input.Path));
            if (stat is { } there && stats.Find(there) is { } known)
            {
                digests[i] = known;
            }
            else
            {
                unknown.Add((i, stat?.Size ?? 0));
            }
        }

        // The largest first, so that no core is left alone with a large one at the end.
        unknown.Sort(static (left, right) => right.Size.CompareTo(left.Size));
        Work.ForEach(unknown, token, file => digests[file.Index] = stats.DigestOf(paths[file.Index].Below(input.Path), token));
        var files = new KeyValuePair<RelativePath, Digest>[paths.Count];
        // "<digest>  <path>\n", what sha256sum prints: anyone can check a folder's digest without this program.
        var lines = new StringBuilder();
        for (var i = 0; i < files.Length; i++)
        {
            files[i] = KeyValuePair.Create(paths[i], digests[i]);
            lines.Append(digests[i].ToString()).Append("  ").Append(paths[i].Value).Append('\n');
        }

        return new InputFingerprint { Input = input, Digest = Digest.Of(lines.ToString()), Files = files };
    }

    /// <summary>What changed since: names of files that are new, gone or of other content; null where nothing did.</summary>
    internal string? FindChange(StatCache stats, CancellationToken token)
    {
        InputFingerprint now;
        try
        {
            now = Take(Input, stats, token);
        }
        catch (BuildException exception)
        {
            return exception.Message;
        }

        if (now.Digest == Digest)
        {
            return null;
        }

        var before = new Dictionary<RelativePath, Digest>(Files);
        foreach (var (path, digest) in now.Files)
        {
            if (!before.Remove(path, out var old) || old != digest)
            {
                return $"{path.Below(Input.IsFolder ? Input.Path : Path.GetDirectoryName(Input.Path)!)} changed";
            }
        }

        foreach (var (path, _) in before)
        {
            return $"{path.Below(Input.Path)} is gone";
        }

        return $"{Input.Path} changed";
    }

    private static void Collect(DirectoryInfo folder, RelativePath? at, StepInput input, int depth, List<RelativePath> paths)
    {
        if (depth > MaxDepth)
        {
            throw new BuildException($"cannot read the input '{input.Name}': folders lie more than {MaxDepth} deep in {input.Path}");
        }

        foreach (var child in folder.EnumerateFileSystemInfos())
        {
            if (child.Name[0] == '.')
            {
                continue;
            }

            if (!RelativePath.TryParse(at is { } above ? $"{above}/{child.Name}" : child.Name, out var path))
            {
                throw new BuildException($"cannot read the input '{input.Name}': the name of {child.FullName} has characters that other systems cannot hold; rename it");
            }

            if (child is DirectoryInfo inner)
            {
                if (inner.LinkTarget is not null)
                {
                    throw new BuildException($"cannot read the input '{input.Name}': {inner.FullName} is a link to a folder; put the folder itself there");
                }

                Collect(inner, path, input, depth + 1, paths);
            }
            else if (input.Include is null || input.Include(path))
            {
                paths.Add(path);
                if (paths.Count > MaxFiles)
                {
                    throw new BuildException($"cannot read the input '{input.Name}': more than {MaxFiles} files in {input.Path}; is that the right folder?");
                }
            }
        }
    }
}
