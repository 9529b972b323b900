using LayerCake.Recipes;

namespace LayerCake.Building;

/// <summary>Finds what differs between a lock record and plans, each thing once, in the user's words.</summary>
internal sealed class LockComparison(LockRecord locked, IReadOnlyList<LockSubject> subjects)
{
    private const string RecipePrefix = "recipe.";
    private const string InputsPrefix = "inputs.";
    private const string AfterPrefix = "after.";

    private readonly List<LockDifference> _differences = [];
    private readonly Dictionary<(LockDifferenceKind Kind, string Name, string? Old, string? New), List<string>> _variants = [];
    private readonly Dictionary<StepKey, LockedStep> _steps = locked.Steps.ToDictionary(step => step.Key);
    private readonly Dictionary<(string Name, Digest Digest), LockedInput> _inputs = locked.Inputs.ToDictionary(input => (input.Name, input.Digest));

    /// <param name="all">Whether the plans are all of the recipe's, so that a variant that only the lock has is a difference.</param>
    public IReadOnlyList<LockDifference> Run(bool all)
    {
        var left = locked.Variants.ToDictionary(variant => variant.Name, StringComparer.Ordinal);
        foreach (var subject in subjects)
        {
            if (left.Remove(subject.Recipe.Name, out var variant))
            {
                Compare(variant, subject);
            }
            else if (all && subjects.Count == 1 && locked.Variants is [var only])
            {
                // A recipe that was renamed: more is said by comparing than by two names.
                left.Clear();
                Compare(only, subject);
            }
            else
            {
                Add(LockDifferenceKind.Variant, subject.Recipe.Name, null, subject.Recipe.Name, subject);
            }
        }

        if (all)
        {
            foreach (var variant in left.Values)
            {
                _differences.Add(new LockDifference(LockDifferenceKind.Variant, variant.Name, variant.Name, null, []));
            }
        }

        return
        [
            .. _differences.Select(difference =>
                _variants.TryGetValue((difference.Kind, difference.Name, difference.Old, difference.New), out var variants)
                && variants.Count < subjects.Count && difference.Kind != LockDifferenceKind.Variant
                    ? difference with { Variants = variants }
                    : difference),
        ];
    }

    private void Compare(LockedVariant variant, LockSubject subject)
    {
        var recipe = KeyDocument.Diff(variant.Recipe, KeyDocument.Of(subject.Recipe.AddTo));
        foreach (var change in recipe)
        {
            Add(LockDifferenceKind.Recipe, change.Field, change.Old, change.New, subject);
        }

        var told = recipe.Select(change => change.Field).ToHashSet(StringComparer.Ordinal);
        var left = new Dictionary<string, StepKey>(variant.Steps, StringComparer.Ordinal);
        var changed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var planned in subject.Plan.Steps)
        {
            if (!left.Remove(planned.Name, out var key))
            {
                Add(LockDifferenceKind.Step, planned.Name, null, planned.Name, subject);
            }
            else if (key != planned.Key)
            {
                changed.Add(planned.Name);
                Compare(_steps[key], planned, told, changed, subject);
            }
        }

        foreach (var (name, _) in left)
        {
            Add(LockDifferenceKind.Step, name, name, null, subject);
        }
    }

    private void Compare(LockedStep step, PlannedStep planned, HashSet<string> told, HashSet<string> changed, LockSubject subject)
    {
        foreach (var change in KeyDocument.Diff(step.Fields, planned.Fields))
        {
            if (change.Field == LockRecord.SignerField)
            {
                continue;
            }

            if (change.Field.StartsWith(InputsPrefix, StringComparison.Ordinal))
            {
                CompareInput(change.Field[InputsPrefix.Length..], change, planned, subject);
            }
            else if (!IsTold(change.Field, told, changed))
            {
                Add(LockDifferenceKind.StepField, $"{planned.Name}.{change.Field}", change.Old, change.New, subject);
            }
        }
    }

    /// <summary>A value of the recipe is told as such; a key of a step before it follows from what is told of that step.</summary>
    private static bool IsTold(string field, HashSet<string> told, HashSet<string> changed) =>
        (field.StartsWith(RecipePrefix, StringComparison.Ordinal) && told.Contains(field[RecipePrefix.Length..]))
        || (field.StartsWith(AfterPrefix, StringComparison.Ordinal) && changed.Contains(field[AfterPrefix.Length..]));

    private void CompareInput(string name, KeyDifference change, PlannedStep planned, LockSubject subject)
    {
        var now = planned.Inputs.FirstOrDefault(input => input.Input.Name == name);
        if (now is null || change.Old is null || !Digest.TryParse(change.Old, out var digest) || !_inputs.TryGetValue((name, digest), out var before))
        {
            Add(LockDifferenceKind.Input, name, change.Old, change.New, subject);
            return;
        }

        var left = before.Files.ToDictionary(file => file.Path, file => file.Content);
        var found = false;
        foreach (var (path, content) in now.Files)
        {
            var known = left.Remove(path, out var old);
            if (!known || old != content)
            {
                found = true;
                Add(LockDifferenceKind.Input, $"{name}/{path}", known ? old.ToString() : null, content.ToString(), subject);
            }
        }

        foreach (var (path, content) in left)
        {
            found = true;
            Add(LockDifferenceKind.Input, $"{name}/{path}", content.ToString(), null, subject);
        }

        if (!found)
        {
            Add(LockDifferenceKind.Input, name, change.Old, change.New, subject);
        }
    }

    private void Add(LockDifferenceKind kind, string name, string? old, string? @new, LockSubject subject)
    {
        if (!_variants.TryGetValue((kind, name, old, @new), out var variants))
        {
            _variants.Add((kind, name, old, @new), variants = []);
            _differences.Add(new LockDifference(kind, name, old, @new, []));
        }

        // Several steps of one variant may tell the same of one input.
        if (variants.Count == 0 || variants[^1] != subject.Recipe.Name)
        {
            variants.Add(subject.Recipe.Name);
        }
    }
}
