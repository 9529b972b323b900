using System.Text.Json;
using LayerCake.Building;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>A plan as people and scripts see it: the store's view of every step, and whether the finished workspace is in place.</summary>
internal sealed class PlanView
{
    private PlanView(string recipe, string output, IReadOnlyList<StepView> steps)
    {
        Recipe = recipe;
        Output = output;
        Steps = steps;
    }

    public string Recipe { get; }

    public string Output { get; }

    public IReadOnlyList<StepView> Steps { get; }

    public static PlanView Of(RecipeBuild build, BuildPlan plan, ArtifactStore store, bool force, CancellationToken cancellationToken)
    {
        var output = Path.GetRelativePath(Directory.GetCurrentDirectory(), build.OutputFolder);
        var steps = new List<StepView>();
        foreach (var planned in plan.Steps)
        {
            var hit = planned.Outcome == PlannedOutcome.Hit;
            var (cached, reason) = (hit, force) switch
            {
                (true, true) => (false, "forced"),
                (true, false) when planned.Name == StepNames.Package && !store.IsPlaced(planned.Record!.Tree, build.OutputFolder, cancellationToken)
                    => (false, $"{output} is missing or differs; it is put back from the store"),
                _ => (hit, planned.Reason),
            };
            steps.Add(new StepView(planned, cached, reason, planned.Record?.Tree.TotalBytes));
        }

        return new PlanView(plan.RecipeName, output, steps);
    }

    /// <summary>
    /// <c>{ "format": 1, "recipe", "output", "steps": [ { "name", "key", "outcome": "cached" | "run", "reason", "dependsOn": [], "changes": [ { "field", "old",
    /// "new" } ], "inputs": [ { "name", "sha256" } ], "bytes" } ] }</c>; members are only ever added.
    /// </summary>
    public void WriteJson(Stream stream)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteNumber("format", 1);
        json.WriteString("recipe", Recipe);
        json.WriteString("output", Output);
        json.WriteStartArray("steps");
        foreach (var step in Steps)
        {
            Write(json, step);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    private static void Write(Utf8JsonWriter json, StepView step)
    {
        json.WriteStartObject();
        json.WriteString("name", step.Planned.Name);
        json.WriteString("key", step.Planned.Key.ToString());
        json.WriteString("outcome", step.Word);
        json.WriteString("reason", step.Reason);
        json.WriteStartArray("dependsOn");
        foreach (var name in step.Planned.Step.DependsOn)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteStartArray("changes");
        foreach (var change in step.Planned.Changes)
        {
            json.WriteStartObject();
            json.WriteString("field", change.Field);
            json.WriteString("old", change.Old);
            json.WriteString("new", change.New);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("inputs");
        foreach (var input in step.Planned.Inputs)
        {
            json.WriteStartObject();
            json.WriteString("name", input.Input.Name);
            json.WriteString("sha256", input.Digest.ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (step.Bytes is { } bytes)
        {
            json.WriteNumber("bytes", bytes);
        }

        json.WriteEndObject();
    }

    /// <param name="Planned">The step.</param>
    /// <param name="IsCached">Whether nothing has to be done for it.</param>
    /// <param name="Reason">Why it runs, or why not.</param>
    /// <param name="Bytes">Size of its result; null where there is none.</param>
    internal sealed record StepView(PlannedStep Planned, bool IsCached, string Reason, long? Bytes)
    {
        /// <summary>What will be done, in a word.</summary>
        public string Word => IsCached ? "cached" : "run";
    }
}
