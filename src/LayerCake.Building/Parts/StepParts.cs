using System.Text;
using System.Text.Json;

namespace LayerCake.Building;

/// <summary>
/// What an interrupted run of a step had finished, kept in the store until the step has its result: <c>parts/&lt;step key&gt;/&lt;part key&gt;</c>. A part's key is the
/// digest of the step's key and the part's name, so nothing that was made from other inputs, options or by another version is ever taken. Only the holder
/// of the step's lock touches its parts.
/// </summary>
/// <remarks>
/// Parts make later runs shorter and never make this one fail: one that cannot be written is dropped, with a warning, and no more are written. They are not shared
/// with other machines.
/// </remarks>
public sealed class StepParts
{
    private const int Format = 1;
    private const string FieldsFile = "fields.json";

    private readonly ArtifactStore _store;
    private readonly string _recipe;
    private readonly PlannedStep _planned;
    private readonly IBuildReporter _reporter;
    private readonly string _folder;
    private readonly Lock _gate = new();
    private bool _isNoted;
    private bool _isOff;

    internal StepParts(ArtifactStore store, string recipe, PlannedStep planned, IBuildReporter reporter)
    {
        (_store, _recipe, _planned, _reporter) = (store, recipe, planned, reporter);
        _folder = store.Layout.PartsOf(planned.Key);
        _isNoted = File.Exists(Path.Combine(_folder, FieldsFile));
    }

    /// <summary>The key of a part: SHA-256 over the form's version, the step's key and the part's name.</summary>
    public static StepKey KeyOf(StepKey step, string name) => KeyDocument.Of(key =>
    {
        key.Add("format", Format);
        key.Add("step", step.ToString());
        key.Add("part", name);
    }).Key;

    /// <summary>A finished part's content, read and found right; null where there is none. A damaged or foreign one is removed, which is said.</summary>
    public Stream? TryOpen(string name)
    {
        var key = KeyOf(_planned.Key, name);
        var path = PathOf(key);
        try
        {
            return PartFile.Open(path, key);
        }
        catch (FormatException exception)
        {
            _reporter.Line($"{_planned.Name}: the part '{name}' of an earlier run is not used: {exception.Message}");
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            _reporter.Warn($"the part '{name}' of an earlier run cannot be read: {exception.Message.TrimEnd('.')}");
        }

        Remove(name);
        return null;
    }

    /// <summary>Begins a part. Several may be written at once.</summary>
    public StepPart Begin(string name)
    {
        if (_isOff)
        {
            return new StepPart(this, name, null, "");
        }

        try
        {
            Note();
            var key = KeyOf(_planned.Key, name);
            return new StepPart(this, name, PartWriter.Create(_store.NewTemporaryFile(), key), PathOf(key));
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception) || exception is BuildException)
        {
            TurnOff(name, exception);
            return new StepPart(this, name, null, "");
        }
    }

    /// <summary>Removes a part that is no longer needed.</summary>
    public void Remove(string name)
    {
        try
        {
            File.Delete(PathOf(KeyOf(_planned.Key, name)));
            _store.Faults.Pass(FaultPoints.PartRemoved);
        }
        catch (DirectoryNotFoundException)
        {
            // Then it is not there.
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            _reporter.Warn($"the part '{name}' cannot be removed: {exception.Message.TrimEnd('.')}");
        }
    }

    /// <summary>Says that this run goes on where an earlier one stopped.</summary>
    /// <param name="finished">How many layers (or what else the step counts) are finished.</param>
    /// <param name="all">How many there are.</param>
    /// <param name="unit">What is counted: <c>layer</c>.</param>
    public void Resumed(int finished, int all, string unit = "layer") =>
        _reporter.Line(finished < all
            ? FormattableString.Invariant($"{_planned.Name}: goes on from {unit} {finished + 1} of {all} (an earlier run stopped there)")
            : FormattableString.Invariant($"{_planned.Name}: all {all} {unit}s are finished (an earlier run stopped after them)"));

    /// <summary>Removes the parts of a step whose result is there: a run that was killed between the two left them.</summary>
    internal static void RemoveLeft(ArtifactStore store, StepKey key)
    {
        var folder = store.Layout.PartsOf(key);
        if (store.Options.ReadOnly || !Directory.Exists(folder))
        {
            return;
        }

        try
        {
            // Whoever has the lock makes the result anew, by force.
            using var held = store.TryLock(key.ToString());
            if (held is not null)
            {
                Delete(folder);
            }
        }
        catch (BuildException)
        {
            // A store that cannot be written: they harm nobody.
        }
    }

    internal IFaultHook Faults => _store.Faults;

    /// <summary>Before the step starts: parts of other keys of the same step of the same recipe are of no more use, and why is said.</summary>
    internal void Begin(bool force)
    {
        if (force)
        {
            Clear();
        }

        foreach (var (folder, key, fields) in Stale())
        {
            // Another build may be at work on it: then it is not stale.
            using var held = _store.TryLock(key.ToString());
            if (held is null)
            {
                continue;
            }

            var why = MissReason.OfChanges(KeyDocument.Diff(fields, _planned.Fields));
            _reporter.Line($"{_planned.Name}: starts afresh: {(why.Length > 0 ? why : "its earlier attempt had another key")}");
            Delete(folder);
        }
    }

    /// <summary>Removes all parts of the step; where that cannot be done, collecting does it later.</summary>
    internal void Clear()
    {
        Delete(_folder);
        _isNoted = false;
        _store.Faults.Pass(FaultPoints.PartsCleared);
    }

    /// <summary>What could not be kept is dropped, and no more is kept: the step itself goes on.</summary>
    internal void TurnOff(string name, Exception exception)
    {
        lock (_gate)
        {
            if (_isOff)
            {
                return;
            }

            _isOff = true;
        }

        var why = exception is BuildException ? exception.Message : exception.Message.TrimEnd('.');
        _reporter.Warn($"{_planned.Name}: if this run is interrupted, the next one cannot go on from here: the part '{name}' was not kept: {why}");
        if (StorageErrors.IsFull(exception) || StorageErrors.IsFull(exception.InnerException ?? exception))
        {
            // The step needs the space for its result.
            Delete(_folder);
        }
    }

    private string PathOf(StepKey part) => Path.Combine(_folder, part.ToString());

    /// <summary>Writes beside the parts what they belong to, before the first of them.</summary>
    private void Note()
    {
        lock (_gate)
        {
            if (_isNoted)
            {
                return;
            }

            using var stream = new MemoryStream();
            using (var json = new Utf8JsonWriter(stream, StepRecordJson.Readable))
            {
                json.WriteStartObject();
                json.WriteNumber("format", Format);
                json.WriteString("recipe", _recipe);
                json.WriteString("step", _planned.Name);
                json.WritePropertyName("fields");
                _planned.Fields.WriteJson(json);
                json.WriteEndObject();
            }

            Folders.WriteWhole(Path.Combine(_folder, FieldsFile), _store.NewTemporaryFile(), stream.ToArray());
            _isNoted = true;
        }
    }

    /// <summary>The attempts of this step of this recipe under other keys.</summary>
    private IEnumerable<(string Folder, StepKey Key, KeyDocument Fields)> Stale()
    {
        string[] folders;
        try
        {
            folders = Directory.GetDirectories(_store.Layout.Parts);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            yield break;
        }

        foreach (var folder in folders.Order(StringComparer.Ordinal))
        {
            if (Digest.TryParse(Path.GetFileName(folder), out var digest) && digest != _planned.Key.Value
                && ReadNote(Path.Combine(folder, FieldsFile)) is { } fields && fields.Key.Value == digest)
            {
                yield return (folder, new StepKey(digest), fields);
            }
        }
    }

    private KeyDocument? ReadNote(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists || file.Length > StepRecordJson.MaxBytes)
            {
                return null;
            }

            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            return root.GetProperty("format").GetInt32() == Format
                && root.GetProperty("recipe").GetString() == _recipe
                && root.GetProperty("step").GetString() == _planned.Name
                    ? KeyDocument.FromJson(root.GetProperty("fields"))
                    : null;
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception)
            || exception is JsonException or FormatException or InvalidOperationException or KeyNotFoundException or ArgumentException or EncoderFallbackException)
        {
            return null;
        }
    }

    private static void Delete(string folder)
    {
        try
        {
            Folders.Delete(folder);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            // It is under its own key and harms nobody; collecting removes it later.
        }
    }
}
