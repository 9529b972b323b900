using System.Text.Json;

namespace LayerCake.Cli.Commands;

/// <summary>
/// <c>{ "format": 1, "recipe", "output", "steps": [ { "name", "key", "outcome": "cached" | "fetch" | "run", "reason", "dependsOn": [], "changes": [ { "field", "old",
/// "new" } ], "inputs": [ { "name", "sha256" } ], "bytes", "seconds", "fetchBytes" } ] }</c>; of a recipe with a matrix <c>{ "format": 1, "recipe", "variants": [ { "recipe", "output",
/// "steps" } ] }</c>. Members are only ever added.
/// </summary>
internal static class PlanJson
{
    public static void Write(Stream stream, RecipeSession session, IReadOnlyList<PlanView> views)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteNumber("format", 1);
        if (session.HasMatrix)
        {
            json.WriteString("recipe", session.Name);
            json.WriteStartArray("variants");
            foreach (var view in views)
            {
                json.WriteStartObject();
                Write(json, view);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }
        else
        {
            Write(json, views[0]);
        }

        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    private static void Write(Utf8JsonWriter json, PlanView view)
    {
        json.WriteString("recipe", view.Recipe);
        json.WriteString("output", view.Output);
        json.WriteStartArray("steps");
        foreach (var step in view.Steps)
        {
            Write(json, step);
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, PlanView.StepView step)
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

        if (step.Planned.RunTime is { } time)
        {
            json.WriteNumber("seconds", Math.Round(time.TotalSeconds, 3));
        }

        if (step.IsFetched)
        {
            json.WriteNumber("fetchBytes", step.Planned.BytesToFetch);
        }

        json.WriteEndObject();
    }
}
