namespace LayerCake.Building;

/// <summary>
/// All steps of a recipe with their keys, in an order in which they can run. Every key is known before anything runs: a step's key is the digest of its name
/// and version, its part of the recipe, its inputs, its surroundings and the keys of the steps before it.
/// </summary>
public sealed class BuildPlan
{
    private readonly Dictionary<string, PlannedStep> _byName;

    private BuildPlan(string recipeName, IReadOnlyList<PlannedStep> steps)
    {
        RecipeName = recipeName;
        Steps = steps;
        _byName = new Dictionary<string, PlannedStep>(StringComparer.Ordinal);
        foreach (var step in steps)
        {
            _byName.Add(step.Name, step);
        }
    }

    public string RecipeName { get; }

    /// <summary>Each step after those it depends on; otherwise in the order given.</summary>
    public IReadOnlyList<PlannedStep> Steps { get; }

    /// <exception cref="BuildException">There is no such step; the message names those there are.</exception>
    public PlannedStep this[string name] => _byName.TryGetValue(name, out var step)
        ? step
        : throw new BuildException($"the recipe {RecipeName} has no step '{name}'; its steps are {string.Join(", ", _byName.Keys)}");

    /// <inheritdoc cref="Create(string, IReadOnlyList{IBuildStep}, ArtifactStore, SharedCache?, CancellationToken)"/>
    public static BuildPlan Create(string recipeName, IReadOnlyList<IBuildStep> steps, ArtifactStore store, CancellationToken token = default) =>
        Create(recipeName, steps, store, null, token);

    /// <summary>
    /// Takes the inputs' digests (from the stat cache where it can), computes the keys and asks the store, and the shared cache for what the store does not
    /// have: all steps at once, and not for longer than a few seconds. Content is not read: a result counts as there when its files are, with their sizes. Writes
    /// nothing; <see cref="StatCache.Save"/> keeps the digests.
    /// </summary>
    /// <param name="recipeName">Under which the last build of each step is noted.</param>
    /// <param name="steps">In any order.</param>
    /// <param name="store">Where results are.</param>
    /// <param name="cache">Where results of other machines are; null for none.</param>
    /// <param name="token">Ends the reading of inputs.</param>
    /// <exception cref="BuildException">An input is missing or unreadable, a step depends on one that is not there or on itself.</exception>
    public static BuildPlan Create(
        string recipeName, IReadOnlyList<IBuildStep> steps, ArtifactStore store, SharedCache? cache, CancellationToken token = default)
    {
        var keyed = new List<PlannedStep>(steps.Count);
        var keys = new Dictionary<string, StepKey>(StringComparer.Ordinal);
        var fingerprints = new Dictionary<StepInput, InputFingerprint>();
        foreach (var step in StepOrder.Sort(steps))
        {
            var inputs = new List<InputFingerprint>(step.Inputs.Count);
            foreach (var input in step.Inputs)
            {
                inputs.Add(Fingerprint(step, input, fingerprints, store, token));
            }

            var before = new List<KeyValuePair<string, StepKey>>(step.DependsOn.Count);
            foreach (var name in step.DependsOn)
            {
                before.Add(KeyValuePair.Create(name, keys[name]));
            }

            var fields = FieldsOf(step, inputs, before);
            keys.Add(step.Name, fields.Key);
            keyed.Add(new PlannedStep
            {
                Step = step,
                Key = fields.Key,
                Fields = fields,
                Inputs = inputs,
                Before = before,
                Outcome = PlannedOutcome.Miss,
                Reason = "",
                Changes = [],
            });
        }

        return new BuildPlan(recipeName, new OutcomeFinder(recipeName, store, cache, token).Find(keyed));
    }

    /// <summary>The step and everything it depends on, directly or not, in the order of the plan.</summary>
    public IReadOnlyList<PlannedStep> Needed(string target)
    {
        var needed = new HashSet<string>(StringComparer.Ordinal) { this[target].Name };
        for (var i = Steps.Count - 1; i >= 0; i--)
        {
            if (needed.Contains(Steps[i].Name))
            {
                needed.UnionWith(Steps[i].Step.DependsOn);
            }
        }

        var result = new List<PlannedStep>();
        foreach (var step in Steps)
        {
            if (needed.Contains(step.Name))
            {
                result.Add(step);
            }
        }

        return result;
    }

    private static InputFingerprint Fingerprint(
        IBuildStep step, StepInput input, Dictionary<StepInput, InputFingerprint> taken, ArtifactStore store, CancellationToken token)
    {
        if (taken.TryGetValue(input, out var known))
        {
            return known;
        }

        try
        {
            return taken[input] = InputFingerprint.Take(input, store.Stats, token);
        }
        catch (BuildException exception)
        {
            throw new BuildException($"{step.Name}: {exception.Message}", exception);
        }
    }

    private static KeyDocument FieldsOf(IBuildStep step, List<InputFingerprint> inputs, List<KeyValuePair<string, StepKey>> before) => KeyDocument.Of(key =>
    {
        key.Add("format", StoreLayout.Format);
        key.Add("step", step.Name);
        key.Add("version", step.Version);
        key.AddNested("recipe", step.AddTo);
        key.AddNested("environment", step.AddEnvironmentTo);
        key.AddNested("inputs", group =>
        {
            foreach (var input in inputs)
            {
                group.Add(input.Input.Name, input.Digest.ToString());
            }
        });
        key.AddNested("after", group =>
        {
            foreach (var (name, stepKey) in before)
            {
                group.Add(name, stepKey.ToString());
            }
        });
    });
}
