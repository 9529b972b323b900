using System.Globalization;
using System.Text.RegularExpressions;
using LayerCake.Building;
using LayerCake.Evaluation;
using LayerCake.Quantization;
using LayerCake.TurboMind;

namespace LayerCake.Reporting;

/// <summary>
/// Gathers a report from the log of the last build, the plan and the results in the store. Results are those of the steps that the log names; what is not there
/// (a build that failed, a store that was collected) is left out.
/// </summary>
public sealed partial class ReportCollector(ArtifactStore store)
{
    private const string WeightsFolder = WorkspacePaths.Models + "/weights/";

    /// <param name="plan">The plan of the recipe, or of one variant.</param>
    /// <param name="packageFolder">Where the package lies, as people write it.</param>
    /// <param name="events">The log of the last build; none where there is no log.</param>
    public BuildReportData Collect(BuildPlan plan, string packageFolder, IEnumerable<BuildEvent> events)
    {
        var history = BuildHistory.Of(plan, events);
        var steps = history.Steps();
        var records = new Dictionary<string, StepRecord>(StringComparer.Ordinal);
        foreach (var step in steps)
        {
            if (Digest.TryParse(step.Key, out var key) && store.Find(new StepKey(key)).Record is { } record && store.Check(record.Tree, read: false, CancellationToken.None).Fault is null)
            {
                records[step.Name] = record;
            }
        }

        var package = records.GetValueOrDefault(StepFields.Package);
        var configuration = ConfigurationOf(package?.Tree ?? records.GetValueOrDefault(StepFields.Convert)?.Tree);
        return new BuildReportData
        {
            Recipe = plan.RecipeName,
            Outcome = history.Outcome,
            Failure = history.Failure,
            PackageFolder = package is null ? null : packageFolder,
            PackageDigest = package?.Tree.Digest.ToString(),
            ProgramVersion = history.ProgramVersion.Length > 0 ? history.ProgramVersion : store.ProgramVersion,
            Duration = history.Duration,
            Steps = steps,
            Sizes = SizesOf(plan, records.Values, package, configuration),
            KeyValueRanges = records.TryGetValue(StepFields.KvQparams, out var scales) ? RangesOf(scales) : [],
            WeightErrors = ErrorsOf(records.GetValueOrDefault(StepFields.AutoAwq)?.Tree),
            Sensitivities = SensitivitiesOf(records.GetValueOrDefault(StepFields.AutoAwq)?.Tree),
            Quality = QualityOf(records.GetValueOrDefault(StepFields.Evaluate)?.Tree),
            Record = RecordOf(steps, records, package),
        };
    }

    private EngineConfiguration? ConfigurationOf(StoredTree? tree)
    {
        if (FileOf(tree, WeightsFolder + EngineConfigurationFile.FileName) is not { } file)
        {
            return null;
        }

        try
        {
            return EngineConfigurationFile.Read(store.ContentPath(file));
        }
        catch (WorkspaceException)
        {
            return null;
        }
    }

    private static ReportSizes SizesOf(BuildPlan plan, IEnumerable<StepRecord> records, StepRecord? package, EngineConfiguration? configuration)
    {
        // The model that the results were made of, if it is still there.
        var digests = records.SelectMany(record => record.Lineage).SelectMany(step => step.Inputs).Select(input => input.Value).ToHashSet();
        var model = plan.Steps.SelectMany(step => step.Inputs).FirstOrDefault(input => input.Input.Name == "model" && digests.Contains(input.Digest));
        long? perToken = configuration is null ? null : 4L * configuration.LayerCount * configuration.KeyValueHeadCount * configuration.SizePerHead;
        return new ReportSizes
        {
            SourceWeights = model?.Files.Where(file => !file.Key.Value.EndsWith(".json", StringComparison.Ordinal)).Sum(file => SizeOf(file.Key.Below(model.Input.Path))),
            PackageWeights = package?.Tree.Entries.OfType<TreeEntry.File>().Where(file => file.Path.Value.StartsWith(WeightsFolder, StringComparison.Ordinal)).Sum(file => file.Size),
            Package = package?.Tree.TotalBytes,
            CachePerTokenBefore = perToken,
            CachePerToken = configuration is { QuantPolicy: not 0 } ? perToken / 2 : perToken,
            SessionLength = configuration is { SessionLength: > 0 } ? configuration.SessionLength : null,
            WeightType = configuration?.WeightType.ToString() switch
            {
                "Int4" => "int4",
                "BFloat16" => "bf16",
                null => null,
                _ => "fp16",
            },
        };
    }

    private static long SizeOf(string path)
    {
        try
        {
            return new FileInfo(path).Length;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private List<KeyValueRange> RangesOf(StepRecord record)
    {
        var symmetric = FieldsOf(record).Any(field => field is { Key: "recipe.kv_qparams.symmetric", Value: "true" });
        var ranges = new SortedDictionary<int, KeyValueRange>();
        foreach (var file in record.Tree.Entries.OfType<TreeEntry.File>())
        {
            if (ScaleFile().Match(file.Path.Value) is not { Success: true } match || file.Size != WeightFile.KeyValueScaleBytes)
            {
                continue;
            }

            var layer = int.Parse(match.Groups["layer"].Value, CultureInfo.InvariantCulture);
            var scales = WorkspaceContentReader.Floats(store.ContentPath(file));
            var half = symmetric ? 127f : 127.5f;
            var range = new KeyValueRange(
                layer, scales[1] - (half * scales[0]), scales[1] + (half * scales[0]), scales[3] - (half * scales[2]), scales[3] + (half * scales[2]));
            ranges[layer] = !ranges.TryGetValue(layer, out var known) ? range : new KeyValueRange(
                layer, Math.Min(known.KeyMin, range.KeyMin), Math.Max(known.KeyMax, range.KeyMax), Math.Min(known.ValueMin, range.ValueMin), Math.Max(known.ValueMax, range.ValueMax));
        }

        return [.. ranges.Values.Where(range => float.IsFinite(range.KeyMin + range.KeyMax + range.ValueMin + range.ValueMax))];
    }

    private List<WeightError> ErrorsOf(StoredTree? tree)
    {
        if (FileOf(tree, WeightErrorFile.Name) is not { } file)
        {
            return [];
        }

        var errors = new List<WeightError>();
        foreach (var (name, error) in WeightErrorFile.Read(store.ContentPath(file)))
        {
            if (LinearName().Match(name) is { Success: true } match)
            {
                errors.Add(new WeightError(int.Parse(match.Groups["layer"].Value, CultureInfo.InvariantCulture), match.Groups["linear"].Value, error));
            }
        }

        return errors;
    }

    private List<LinearSensitivity> SensitivitiesOf(StoredTree? tree)
    {
        if (FileOf(tree, SensitivityFile.Name) is not { } file)
        {
            return [];
        }

        return
        [
            .. from sensitivity in SensitivityFile.Read(store.ContentPath(file))
               group new MethodError(sensitivity.Method, sensitivity.Bits, sensitivity.RelativeError) by sensitivity.Linear into linear
               let match = LinearName().Match(linear.Key)
               where match.Success
               select new LinearSensitivity(int.Parse(match.Groups["layer"].Value, CultureInfo.InvariantCulture), match.Groups["linear"].Value, [.. linear]),
        ];
    }

    private QualityReport? QualityOf(StoredTree? tree)
    {
        try
        {
            return FileOf(tree, QualityReport.FileName) is { } file ? QualityReportJson.Read(store.ContentPath(file)) : null;
        }
        catch (EvaluationException)
        {
            return null;
        }
    }

    /// <summary>From the records of the results themselves: the recipe may have been edited since.</summary>
    private static List<ReportSection> RecordOf(IReadOnlyList<ReportStep> steps, Dictionary<string, StepRecord> records, StepRecord? package)
    {
        var known = steps.Where(step => records.ContainsKey(step.Name)).Select(step => records[step.Name]).ToList();
        var fields = (package is null ? known : [package]).SelectMany(FieldsOf).DistinctBy(field => field.Key).ToList();
        var lineage = known.SelectMany(record => record.Lineage).DistinctBy(step => step.Key).ToList();
        var sections = new List<ReportSection>
        {
            new("Recipe", [.. fields.Where(field => field.Key.StartsWith("recipe.", StringComparison.Ordinal)).Select(field => KeyValuePair.Create(field.Key["recipe.".Length..], field.Value))]),
            new("Inputs (SHA-256)", [.. lineage.SelectMany(step => step.Inputs).DistinctBy(input => input.Key).OrderBy(input => input.Key, StringComparer.Ordinal).Select(input => KeyValuePair.Create(input.Key, input.Value.ToString()))]),
            new("Outputs (digest of the tree)", [.. known.Select(record => KeyValuePair.Create(record.Step.Name, record.Tree.Digest.ToString()))]),
            new("Versions",
            [
                .. known.SelectMany(FieldsOf).Where(field => field.Key.StartsWith("environment.", StringComparison.Ordinal)).DistinctBy(field => field.Key)
                    .Select(field => KeyValuePair.Create(field.Key["environment.".Length..], field.Value)),
                .. known.Select(record => KeyValuePair.Create($"step {record.Step.Name}", record.Step.Version.ToString(CultureInfo.InvariantCulture))),
            ]),
        };
        if (package is not null)
        {
            sections.Add(new ReportSection("Package (SHA-256), without the weights of layers",
            [
                .. package.Tree.Entries.OfType<TreeEntry.File>().Where(file => !file.Path.Value.StartsWith(WeightsFolder + "layers.", StringComparison.Ordinal))
                    .Select(file => KeyValuePair.Create(file.Path.Value, $"{file.Content} · {Numbers.Bytes(file.Size)}")),
            ]));
        }

        return [.. sections.Where(section => section.Rows.Count > 0)];
    }

    private static IEnumerable<KeyValuePair<string, string>> FieldsOf(StepRecord record) =>
        KeyDocument.Diff(new KeyDocument(), record.Fields).Select(field => KeyValuePair.Create(field.Field, field.New ?? ""));

    private static TreeEntry.File? FileOf(StoredTree? tree, string path) => tree?.Entries.OfType<TreeEntry.File>().FirstOrDefault(file => file.Path.Value == path);

    [GeneratedRegex(@"^layers\.(?<layer>\d{1,6})\.past_kv_scale\.\d{1,4}\.weight$", RegexOptions.CultureInvariant)]
    private static partial Regex ScaleFile();

    [GeneratedRegex(@"(^|\.)layers\.(?<layer>\d{1,6})\.(?<linear>.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex LinearName();
}
