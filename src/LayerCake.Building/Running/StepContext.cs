namespace LayerCake.Building;

/// <summary>What a running step has: where to write, what the steps before it wrote, whom to tell.</summary>
public sealed class StepContext
{
    private readonly ArtifactStore _store;
    private readonly string _folder;
    private readonly PlannedStep _planned;
    private readonly IReadOnlyDictionary<string, StepRecord> _before;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _linked = new(StringComparer.Ordinal);

    internal StepContext(
        ArtifactStore store,
        string folder,
        PlannedStep planned,
        IReadOnlyDictionary<string, StepRecord> before,
        IReadOnlyList<BuiltStep> lineage,
        StepParts parts,
        IBuildReporter reporter)
    {
        _store = store;
        _folder = folder;
        _planned = planned;
        _before = before;
        Lineage = lineage;
        Parts = parts;
        Reporter = reporter;
        OutputFolder = Directory.CreateDirectory(Path.Combine(folder, "output")).FullName;
        WorkFolder = Directory.CreateDirectory(Path.Combine(folder, "work")).FullName;
    }

    /// <summary>Empty at the start, on the store's file system. What is in it at the end is the result.</summary>
    public string OutputFolder { get; }

    /// <summary>Empty at the start, for what is needed only while the step runs; removed afterwards.</summary>
    public string WorkFolder { get; }

    public IBuildReporter Reporter { get; }

    /// <summary>What an earlier run of exactly this step had finished, and where this one keeps what it finishes.</summary>
    public StepParts Parts { get; }

    public IFaultHook Faults => _store.Faults;

    public TimeProvider Time => _store.Time;

    /// <summary>The key of this step.</summary>
    public StepKey Key => _planned.Key;

    /// <summary>The fields that the key is the digest of.</summary>
    public KeyDocument Fields => _planned.Fields;

    /// <summary>The inputs with their digests, each file's too.</summary>
    public IReadOnlyList<InputFingerprint> Inputs => _planned.Inputs;

    /// <summary>Every step that this one comes from, directly or not, each after those it depends on.</summary>
    public IReadOnlyList<BuiltStep> Lineage { get; }

    /// <summary>
    /// A folder that holds the output of an earlier step, checked. Its files are read-only and may be the store's own under a second name: never write to them.
    /// </summary>
    /// <param name="step">One of the steps that this one depends on.</param>
    public string InputFolder(string step)
    {
        var record = RecordOf(step);
        lock (_gate)
        {
            if (_linked.TryGetValue(step, out var known))
            {
                return known;
            }

            var folder = Path.Combine(_folder, "before", step);
            StorageErrors.Guard($"lay out the output of {step}", folder, () => LinkTree(record.Tree, folder, include: null, keepExecutable: false));
            return _linked[step] = folder;
        }
    }

    /// <summary>
    /// Makes files of an earlier step's output part of this step's output, without copying or hashing their content again. What is taken over is read-only.
    /// </summary>
    /// <param name="step">One of the steps that this one depends on.</param>
    /// <param name="include">Which entries; all where it is null.</param>
    public void TakeOver(string step, Func<RelativePath, bool>? include = null)
    {
        var tree = RecordOf(step).Tree;
        StorageErrors.Guard($"take over the output of {step}", OutputFolder, () => LinkTree(tree, OutputFolder, include, keepExecutable: true));
    }

    /// <summary>The names, digests and sizes of an earlier step's output.</summary>
    public StoredTree InputTree(string step) => RecordOf(step).Tree;

    private StepRecord RecordOf(string step) => _before.TryGetValue(step, out var record)
        ? record
        : throw new ArgumentException($"The step '{_planned.Name}' does not depend on '{step}'.", nameof(step));

    private void LinkTree(StoredTree tree, string folder, Func<RelativePath, bool>? include, bool keepExecutable)
    {
        Directory.CreateDirectory(folder);
        foreach (var entry in tree.Entries)
        {
            if (include?.Invoke(entry.Path) == false)
            {
                continue;
            }

            var path = entry.Path.Below(folder);
            Directory.CreateDirectory(entry is TreeEntry.Folder ? path : Path.GetDirectoryName(path)!);
            switch (entry)
            {
                case TreeEntry.File { Executable: true } file when keepExecutable && !OperatingSystem.IsWindows():
                    // A blob has one mode for all its names, so a file with another mode is a file of its own.
                    File.Copy(_store.Layout.Blob(file.Content), path);
                    File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.UserExecute);
                    break;
                case TreeEntry.File file:
                    _store.LinkBlob(file.Content, path);
                    break;
                case TreeEntry.Link link:
                    File.CreateSymbolicLink(path, link.Target);
                    break;
            }
        }
    }
}
