using System.Globalization;

namespace LayerCake.Building;

/// <summary>
/// A recipe's record of everything that went in and came out: the effective recipe, each input file's digest and size, each step's key with its fields, and the
/// output where there is one. It is committed beside the recipe, as <c>NAME.lock</c>, and is the same bytes wherever it is written: it holds no paths but
/// relative ones, no host, no user, no time.
/// </summary>
public sealed class LockRecord
{
    /// <summary>Version of the file's form.</summary>
    public const int Format = 1;

    /// <summary>The field of a key that says who signs a result. A record is of what is built, not by whom, so that a CI job may sign what it is held to.</summary>
    public const string SignerField = "environment.signing_key";

    private const string Extension = ".lock";
    private const int PrintedDifferences = 50;

    internal LockRecord(IEnumerable<LockedVariant> variants, IEnumerable<LockedInput> inputs, IEnumerable<LockedStep> steps)
    {
        Variants = [.. variants.OrderBy(variant => variant.Name, StringComparer.Ordinal)];
        Inputs = [.. inputs.OrderBy(input => input.Name, StringComparer.Ordinal).ThenBy(input => input.Digest)];
        Steps = [.. steps.OrderBy(step => step.Name, StringComparer.Ordinal).ThenBy(step => step.Key.Value)];
    }

    /// <summary>Sorted by name.</summary>
    public IReadOnlyList<LockedVariant> Variants { get; }

    /// <summary>Every input of every variant once, sorted by name.</summary>
    public IReadOnlyList<LockedInput> Inputs { get; }

    /// <summary>Every step of every variant once, sorted by name.</summary>
    public IReadOnlyList<LockedStep> Steps { get; }

    /// <summary>The keys of all steps: results that a collection of garbage keeps.</summary>
    public IReadOnlyList<StepKey> StepKeys => [.. Steps.Select(step => step.Key)];

    /// <summary>Names of the steps of which no output is recorded.</summary>
    public IReadOnlyList<string> WithoutOutput => [.. Steps.Where(step => step.Output is null).Select(step => step.Name).Distinct(StringComparer.Ordinal)];

    /// <summary>Where the lock record of a recipe lies: beside it, <c>recipes/NAME.lock</c>.</summary>
    public static string PathOf(string recipeFile) => Path.ChangeExtension(recipeFile, Extension);

    /// <summary>The record of what the plans say.</summary>
    /// <param name="subjects">All variants of the recipe with their plans.</param>
    /// <param name="inputsOnly">Leaves the outputs out.</param>
    /// <param name="previous">Gives the outputs of steps that have the same key there and no result in the store here.</param>
    /// <exception cref="BuildException">An input file is gone since it was planned.</exception>
    public static LockRecord Of(IReadOnlyList<LockSubject> subjects, bool inputsOnly = false, LockRecord? previous = null)
    {
        var inputs = new Dictionary<(string, Digest), LockedInput>();
        var steps = new Dictionary<StepKey, LockedStep>();
        var known = previous?.Steps.ToDictionary(step => step.Key, step => step.Output) ?? [];
        var variants = new List<LockedVariant>();
        foreach (var (recipe, plan) in subjects)
        {
            foreach (var planned in plan.Steps)
            {
                foreach (var input in planned.Inputs)
                {
                    if (!inputs.ContainsKey((input.Input.Name, input.Digest)))
                    {
                        inputs.Add((input.Input.Name, input.Digest), InputOf(input));
                    }
                }

                var output = inputsOnly ? null : planned.Record?.Tree ?? known.GetValueOrDefault(planned.Key);
                if (!steps.TryGetValue(planned.Key, out var same) || same.Output is null)
                {
                    steps[planned.Key] = new LockedStep(planned.Name, planned.Fields, output);
                }
            }

            variants.Add(new LockedVariant(
                recipe.Name,
                KeyDocument.Of(recipe.AddTo),
                [.. plan.Steps.Select(step => KeyValuePair.Create(step.Name, step.Key)).OrderBy(step => step.Key, StringComparer.Ordinal)]));
        }

        return new LockRecord(variants, inputs.Values, steps.Values);
    }

    /// <summary>Reads a record. Nothing in it is trusted: keys must be those of their fields, digests those of their lists, paths must stay below their folder.</summary>
    /// <param name="path">Path of the file; messages show it as given here.</param>
    /// <exception cref="LockException">There is none, or it is damaged or of another format; the message says what to do.</exception>
    public static LockRecord Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            return Parse(LockRecordJson.ReadAtMost(stream));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new LockException($"there is no lock record {path}; 'layercake lock' writes it", exception);
        }
        catch (FormatException exception)
        {
            throw new LockException($"the lock record {path} cannot be used: {LockDifference.Printable(exception.Message.TrimEnd('.'))}; 'layercake lock' writes it anew", exception);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            throw new LockException($"the lock record {path} cannot be read: {exception.Message.TrimEnd('.')}", exception);
        }
    }

    /// <summary>As <see cref="Read"/>, from the content.</summary>
    /// <exception cref="FormatException">The content is not a whole, consistent record; the message says why.</exception>
    public static LockRecord Parse(ReadOnlyMemory<byte> content) => LockRecordJson.Read(content);

    /// <summary>The file: canonical JSON, the same bytes for the same record.</summary>
    public byte[] ToJson() => LockRecordJson.Write(this);

    /// <summary>Writes the record: whole, or what was there stays.</summary>
    /// <returns>False where the file holds just that already; it is not touched then.</returns>
    /// <exception cref="BuildException">The folder cannot be written.</exception>
    public bool Write(string path)
    {
        var content = ToJson();
        var full = Path.GetFullPath(path);
        return StorageErrors.Guard("write the lock record", full, () =>
        {
            if (File.Exists(full) && new FileInfo(full).Length == content.Length && File.ReadAllBytes(full).AsSpan().SequenceEqual(content))
            {
                return false;
            }

            var temporary = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Guid.NewGuid():n}.tmp");
            try
            {
                Folders.WriteWhole(full, temporary, content);
            }
            finally
            {
                File.Delete(temporary);
            }

            return true;
        });
    }

    /// <summary>What is not as this record says: recipe values, input files, steps, versions. Outputs are compared by <see cref="ThrowIfNotReproduced"/>.</summary>
    /// <param name="subjects">Variants with their plans.</param>
    /// <param name="all">Whether they are all of the recipe's, so that a variant that only the record has differs too.</param>
    public IReadOnlyList<LockDifference> Compare(IReadOnlyList<LockSubject> subjects, bool all = true) => new LockComparison(this, subjects).Run(all);

    /// <summary>Refuses what <see cref="Compare"/> finds, all of it in one message.</summary>
    /// <param name="subjects">See <see cref="Compare"/>.</param>
    /// <param name="path">The record's path for the message.</param>
    /// <param name="all">See <see cref="Compare"/>.</param>
    /// <exception cref="LockException">Something differs.</exception>
    public void ThrowIfDifferent(IReadOnlyList<LockSubject> subjects, string path, bool all = true)
    {
        var differences = Compare(subjects, all);
        if (differences.Count == 0)
        {
            return;
        }

        var lines = differences.Take(PrintedDifferences).Select(difference => $"  {difference}").ToList();
        if (differences.Count > lines.Count)
        {
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"  … and {differences.Count - lines.Count} more"));
        }

        throw new LockException(
            $"not what the lock record {path} says:\n{string.Join('\n', lines)}\n'layercake lock' accepts it, without --locked it is not compared", differences);
    }

    /// <summary>The recorded output of a step; null where none is.</summary>
    public StoredTree? OutputOf(StepKey key) => Steps.FirstOrDefault(each => each.Key == key)?.Output;

    /// <summary>Refuses an output that is not the one recorded. A step whose output is not recorded is not compared.</summary>
    /// <param name="step">The step's name.</param>
    /// <param name="key">Its key.</param>
    /// <param name="output">What it wrote.</param>
    /// <exception cref="LockException">It differs; the message names the first file that does.</exception>
    public void ThrowIfNotReproduced(string step, StepKey key, StoredTree output)
    {
        var locked = OutputOf(key);
        if (locked is not null && locked.Digest != output.Digest)
        {
            throw new LockException($"{step} was not reproduced: {FirstDifference(locked, output)}; 'layercake lock' accepts the new output");
        }
    }

    /// <exception cref="BuildException">The file is gone.</exception>
    private static LockedInput InputOf(InputFingerprint input) => new(
        input.Input.Name,
        input.Digest,
        [
            .. input.Files.Select(file =>
            {
                var path = input.Input.IsFolder ? file.Key.Below(input.Input.Path) : input.Input.Path;
                var size = FileStat.Of(path)?.Size ?? throw new BuildException($"the input '{input.Input.Name}' changed while it was read: {path} is gone");
                return new LockedFile(file.Key, file.Value, size);
            }),
        ]);

    private static string FirstDifference(StoredTree locked, StoredTree output)
    {
        var before = locked.Entries.ToDictionary(entry => entry.Path);
        var now = output.Entries.ToDictionary(entry => entry.Path);
        foreach (var path in before.Keys.Union(now.Keys).Order())
        {
            if (!now.TryGetValue(path, out var written))
            {
                return $"{path} is missing";
            }

            if (!before.TryGetValue(path, out var recorded))
            {
                return $"{path} is not in the lock";
            }

            if (written != recorded)
            {
                return written is TreeEntry.File file && recorded is TreeEntry.File old && file.Content != old.Content
                    ? string.Create(CultureInfo.InvariantCulture, $"{path} has {file.Size} bytes with SHA-256 {file.Content.Short}, the lock says {old.Size} with {old.Content.Short}")
                    : $"{path} is of another kind than in the lock";
            }
        }

        return "its files are the same, their list is not";
    }
}
