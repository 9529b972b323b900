using LayerCake.Building;

namespace LayerCake.Reporting;

/// <summary>Compares two build records step by step, and tells from which changes a step's output comes.</summary>
internal sealed class RecordComparison
{
    private readonly Dictionary<string, StepDifference> _byName = new(StringComparer.Ordinal);
    private readonly List<StepDifference> _steps = [];

    public RecordComparison(BuildRecord a, BuildRecord b)
    {
        Recipe = KeyDocument.Diff(a.Recipe, b.Recipe);
        Versions =
        [
            .. a.Versions.Keys.Union(b.Versions.Keys).Order(StringComparer.Ordinal)
                .Select(name => new KeyDifference(name, a.Versions.GetValueOrDefault(name), b.Versions.GetValueOrDefault(name)))
                .Where(version => version.Old != version.New),
        ];
        var (left, right) = (ByName(a), ByName(b));
        foreach (var name in b.Steps.Concat(a.Steps).Select(step => step.Name).Distinct(StringComparer.Ordinal))
        {
            var step = Compare(name, left.GetValueOrDefault(name), right.GetValueOrDefault(name));
            _byName.Add(name, step);
            _steps.Add(step);
        }
    }

    public IReadOnlyList<KeyDifference> Recipe { get; }

    public IReadOnlyList<KeyDifference> Versions { get; }

    public IReadOnlyList<StepDifference> Steps => _steps;

    public StepDifference? this[string step] => _byName.GetValueOrDefault(step);

    /// <summary>Everything, by itself, that changed the key of the step or of one it comes from.</summary>
    /// <param name="step">A step.</param>
    /// <param name="without">Steps whose part is left out: what is copied from the model does not come through calibrate.</param>
    public IReadOnlyList<string> RootsOf(string step, params string[] without)
    {
        var roots = new List<string>();
        var seen = new HashSet<string>(without, StringComparer.Ordinal);
        Collect(step);
        return [.. roots.Distinct(StringComparer.Ordinal)];

        void Collect(string name)
        {
            if (!seen.Add(name) || this[name] is not { } difference)
            {
                return;
            }

            foreach (var before in difference.ChangedBefore)
            {
                Collect(before);
            }

            // auto_awq may look at calibrate's samples itself; its part is left out with it.
            roots.AddRange(difference.OwnReasons.Where(reason => !without.Any(left => reason.StartsWith($"{left}.", StringComparison.Ordinal))));
        }
    }

    /// <summary>From the first causes on: <c>calibrate.samples 64 → 32 changed calibrate; its statistics changed auto_awq and kv_qparams; …</c></summary>
    public IReadOnlyList<string> Story()
    {
        var sentences = new List<string>();
        foreach (var step in _steps.Where(step => step.KeyDiffers && step.OwnReasons.Count > 0))
        {
            var parts = new List<string> { $"{string.Join(", ", step.OwnReasons)} changed {step.Step}" };
            Follow(step, parts, its: true, new HashSet<string>(StringComparer.Ordinal) { step.Step });
            sentences.Add(string.Join("; ", parts));
        }

        sentences.AddRange(_steps.Where(step => !step.KeyDiffers && step.OutputDiffers)
            .Select(step => $"{step.Step} ran twice with one key and gave different bytes: it is not deterministic"));
        sentences.AddRange(_steps.Where(step => step is { A: not null, B: not null } && step.KeyDiffers && step.OwnReasons.Count == 0 && step.ChangedBefore.Count == 0)
            .Select(step => $"{step.Step} has another key for a reason that the records do not hold"));
        return sentences;
    }

    private void Follow(StepDifference step, List<string> parts, bool its, HashSet<string> told)
    {
        var after = _steps.Where(next => next.ChangedBefore.Contains(step.Step)).ToList();
        if (after.Count == 0)
        {
            return;
        }

        if (!step.OutputDiffers && step is { A: not null, B: not null })
        {
            parts.Add($"{(its ? "its" : step.Step + "'s")} {StepFields.OutputOf(step.Step)} stayed the same");
            return;
        }

        parts.Add($"{(its ? "its" : step.Step + "'s")} {StepFields.OutputOf(step.Step)} changed {Join(after.Select(next => next.Step))}");
        foreach (var next in after.Where(next => told.Add(next.Step)))
        {
            Follow(next, parts, its: false, told);
        }
    }

    private StepDifference Compare(string name, BuiltStep? a, BuiltStep? b)
    {
        if (a is null || b is null)
        {
            return new StepDifference(name, a?.Key, b?.Key, OutputDiffers: true, [a is null ? $"{name} is new in B" : $"{name} is gone in B"], []);
        }

        var reasons = new List<string>();
        if (a.Key != b.Key)
        {
            if (a.Version != b.Version)
            {
                reasons.Add(FormattableString.Invariant($"{name}'s version {a.Version} → {b.Version}"));
            }

            reasons.AddRange(Recipe.Where(field => StepFields.Has(name, field.Field)).Select(Text));
            reasons.AddRange(Versions.Where(version => StepFields.HasVersion(name, version.Field)).Select(Text));
            var (before, after) = (a.Inputs.ToDictionary(StringComparer.Ordinal), b.Inputs.ToDictionary(StringComparer.Ordinal));
            foreach (var input in before.Keys.Union(after.Keys).Order(StringComparer.Ordinal))
            {
                Digest? old = before.TryGetValue(input, out var found) ? found : null;
                Digest? @new = after.TryGetValue(input, out found) ? found : null;
                if (old != @new)
                {
                    reasons.Add($"the input {input} {old?.Short ?? "(none)"} → {@new?.Short ?? "(none)"}");
                }
            }
        }

        var changed = b.After.Union(a.After).Where(before => _byName.TryGetValue(before, out var step) && step.KeyDiffers).ToList();
        return new StepDifference(name, a.Key, b.Key, a.Tree != b.Tree, reasons, changed);
    }

    private static Dictionary<string, BuiltStep> ByName(BuildRecord record)
    {
        var steps = new Dictionary<string, BuiltStep>(StringComparer.Ordinal);
        foreach (var step in record.Steps)
        {
            steps[step.Name] = step;
        }

        return steps;
    }

    private static string Text(KeyDifference field) => $"{field.Field} {field.Old ?? "(none)"} → {field.New ?? "(none)"}";

    private static string Join(IEnumerable<string> names)
    {
        var list = names.ToList();
        return list.Count < 2 ? string.Concat(list) : $"{string.Join(", ", list.Take(list.Count - 1))} and {list[^1]}";
    }
}
