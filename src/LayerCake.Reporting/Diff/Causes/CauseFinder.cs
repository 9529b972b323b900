using LayerCake.Building;

namespace LayerCake.Reporting;

/// <summary>Tells for everything that differs between two packages why, from the build records of both, or that the records do not say it.</summary>
internal sealed class CauseFinder
{
    private const string Unexplained = "unexplained: ";

    private readonly RecordComparison? _records;
    private readonly Side _a;
    private readonly Side _b;
    private readonly List<string> _missing = [];
    private readonly CancellationToken _token;

    private CauseFinder(Side a, Side b, CancellationToken token)
    {
        (_a, _b, _token) = (a, b, token);
        foreach (var side in new[] { a, b }.Where(side => side.Fault is not null))
        {
            _missing.Add($"{side.Label} {side.Fault}");
        }

        _records = a.Record is { } first && b.Record is { } second ? new RecordComparison(first, second) : null;
    }

    /// <summary>What the records differ in; null where neither side has one.</summary>
    public RecordDifference? Difference => _a.IsAbsent && _b.IsAbsent ? null : new RecordDifference
    {
        Missing = _missing,
        Recipe = _records?.Recipe ?? [],
        Versions = _records?.Versions ?? [],
        Steps = _records?.Steps ?? [],
        Story = _records?.Story() ?? [],
    };

    public static CauseFinder Open(string a, string b, CancellationToken token) => new(Side.Open("A", a), Side.Open("B", b), token);

    /// <param name="name">The tensor.</param>
    /// <param name="filesA">The files on side A that hold it and nothing else.</param>
    /// <param name="filesB">The same on side B.</param>
    public Cause OfTensor(string name, IReadOnlyList<string> filesA, IReadOnlyList<string> filesB) =>
        Edited(_a, filesA) ?? Edited(_b, filesB) ?? (IsCopied(name) ? Of(StepFields.Convert, StepFields.Calibrate) : Of(StepFields.Convert));

    public Cause OfScales() => Of(StepFields.KvQparams);

    public Cause OfSettings() => Of(StepFields.Package);

    public Cause OfFile(string path) => Edited(_a, [path], relative: true) ?? Edited(_b, [path], relative: true) ?? Of(StepFields.Package);

    /// <summary>Embedding, final norm and head come from the model as they are.</summary>
    private static bool IsCopied(string name) => name is "tok_embeddings.weight" or "norm.weight" or "output.weight";

    private Cause Of(string step, params string[] without)
    {
        if (_missing.Count > 0)
        {
            return new Cause(Unexplained + string.Join("; ", _missing), false);
        }

        // The record of a package lists the steps before package; what package itself adds follows from the recipe.
        var roots = step == StepFields.Package && _records![step] is null
            ? [.. _records.Steps.SelectMany(before => _records.RootsOf(before.Step)).Distinct(StringComparer.Ordinal), .. PackageReasons()]
            : _records!.RootsOf(step, without);
        if (_records[step] is { } difference)
        {
            if (!difference.OutputDiffers)
            {
                return new Cause($"{Unexplained}by both records {step} gave the same {StepFields.OutputOf(step)}", false);
            }

            if (!difference.KeyDiffers)
            {
                return new Cause($"{Unexplained}{step} ran twice with one key and gave different bytes", false);
            }
        }

        return roots.Count > 0
            ? new Cause(string.Join(", ", roots.Distinct(StringComparer.Ordinal)), true)
            : new Cause($"{Unexplained}no change that the records hold leads to it", false);
    }

    private IEnumerable<string> PackageReasons() => _records!.Recipe
        .Where(field => !_records.Steps.Any(step => StepFields.Has(step.Step, field.Field)))
        .Concat(_records.Versions.Where(version => StepFields.HasVersion(StepFields.Package, version.Field)))
        .Select(field => $"{field.Field} {field.Old ?? "(none)"} → {field.New ?? "(none)"}");

    /// <summary>A file that is not the one of its own package's record.</summary>
    private Cause? Edited(Side side, IReadOnlyList<string> files, bool relative = false)
    {
        foreach (var file in files)
        {
            var path = relative ? file : Path.GetRelativePath(Path.GetFullPath(side.Folder), file).Replace(Path.DirectorySeparatorChar, '/');
            var full = Path.Combine(side.Folder, path);
            if (side.Outputs.TryGetValue(path, out var recorded) && File.Exists(full) && PackageDiff.FileDigest(full, _token) is var digest && digest != recorded)
            {
                return new Cause($"{Unexplained}{path} of {side.Label} is not the one that was built: its record has {recorded[..12]}, the file {digest[..12]}", false);
            }
        }

        return null;
    }

    /// <summary>A package's folder and its record.</summary>
    private sealed record Side(string Label, string Folder, BuildRecord? Record, string? Fault)
    {
        public bool IsAbsent { get; private init; }

        public Dictionary<string, string> Outputs { get; } = Record?.Outputs.ToDictionary(file => file.Path.Value, file => file.Content.ToString(), StringComparer.Ordinal) ?? [];

        public static Side Open(string label, string path)
        {
            var file = Path.Combine(path, PackageRecords.BuildRecord);
            try
            {
                if (!File.Exists(file))
                {
                    return new Side(label, path, null, $"has no {PackageRecords.BuildRecord}") { IsAbsent = true };
                }

                return new FileInfo(file).Length > BuildRecordReader.MaxBytes
                    ? new Side(label, path, null, $"has a {PackageRecords.BuildRecord} that is too large to be one")
                    : new Side(label, path, BuildRecordReader.Read(File.ReadAllBytes(file)), null);
            }
            catch (FormatException exception)
            {
                return new Side(label, path, null, $"has a damaged {PackageRecords.BuildRecord} ({exception.Message.TrimEnd('.')})");
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return new Side(label, path, null, $"has a {PackageRecords.BuildRecord} that cannot be read ({exception.Message.TrimEnd('.')})");
            }
        }
    }
}
