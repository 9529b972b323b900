using System.Text.Encodings.Web;
using System.Text.Json;

namespace LayerCake.Building;

/// <summary>Events as JSON, one object a line. Members are only ever added; <see cref="Format"/> counts what would break a reader.</summary>
public static class BuildEventJson
{
    public const int Format = 1;

    private static readonly JsonWriterOptions Style = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 8 };

    /// <summary>The line of an event, its newline included, in UTF-8.</summary>
    public static byte[] Write(BuildEvent @event)
    {
        using var stream = new MemoryStream(256);
        using (var json = new Utf8JsonWriter(stream, Style))
        {
            json.WriteStartObject();
            json.WriteString("event", NameOf(@event));
            json.WriteNumber("at_ms", Milliseconds(@event.At));
            if (@event is StepEvent step)
            {
                json.WriteString("recipe", step.Recipe);
                json.WriteString("step", step.Step);
            }

            WriteMembers(json, @event);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <summary>The event of a line; null for a kind that this version does not know.</summary>
    /// <exception cref="FormatException">The line is no event.</exception>
    public static BuildEvent? Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, Strict);
            var root = document.RootElement;
            return ReadMembers(root)?.With(Time(root, "at_ms"));
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or OverflowException)
        {
            throw new FormatException($"not an event: {exception.Message.TrimEnd('.')}", exception);
        }
    }

    private static BuildEvent With(this BuildEvent @event, TimeSpan at) => @event with { At = at };

    private static string NameOf(BuildEvent @event) => @event switch
    {
        BuildStarted => "build_started",
        StepPlanned => "step_planned",
        StepStarted => "step_started",
        StepLine => "line",
        StepWarning => "warning",
        StepProgress => "progress",
        StepWaiting => "waiting",
        StepRetried => "step_retried",
        StepFinished => "step_finished",
        StepFailed => "step_failed",
        StepSkipped => "step_skipped",
        BuildFinished => "build_finished",
        _ => throw new ArgumentOutOfRangeException(nameof(@event), @event.GetType().Name, "No such event."),
    };

    private static void WriteMembers(Utf8JsonWriter json, BuildEvent @event)
    {
        switch (@event)
        {
            case BuildStarted started:
                json.WriteNumber("format", Format);
                WriteTexts(json, "recipes", started.Recipes);
                json.WriteNumber("jobs", started.Jobs);
                json.WriteString("layercake", started.ProgramVersion);
                json.WriteNumber("clock_ms", started.Clock);
                break;
            case StepPlanned planned:
                json.WriteString("key", planned.Key.ToString());
                json.WriteString("outcome", planned.Outcome);
                json.WriteString("reason", planned.Reason);
                WriteTexts(json, "after", planned.After);
                break;
            case StepStarted started:
                json.WriteNumber("attempt", started.Attempt);
                break;
            case StepLine line:
                json.WriteString("text", line.Text);
                break;
            case StepWarning warning:
                json.WriteString("text", warning.Text);
                break;
            case StepProgress progress:
                json.WriteString("what", progress.What);
                json.WriteNumber("done", progress.Done);
                json.WriteNumber("total", progress.Total);
                break;
            case StepWaiting waiting:
                json.WriteString("what", waiting.What);
                json.WriteString("owner", waiting.Owner);
                break;
            case StepRetried retried:
                json.WriteNumber("attempt", retried.Attempt);
                json.WriteNumber("attempts", retried.Attempts);
                json.WriteString("message", retried.Message);
                break;
            case StepFinished finished:
                json.WriteString("key", finished.Key.ToString());
                json.WriteString("outcome", finished.Outcome);
                json.WriteString("reason", finished.Reason);
                json.WriteNumber("elapsed_ms", Milliseconds(finished.Elapsed));
                json.WriteNumber("bytes", finished.Bytes);
                break;
            case StepFailed failed:
                WriteFailure(json, failed);
                break;
            case StepSkipped skipped:
                json.WriteString("reason", skipped.Reason);
                break;
            case BuildFinished finished:
                WriteEnd(json, finished);
                break;
        }
    }

    private static void WriteFailure(Utf8JsonWriter json, StepFailed failed)
    {
        json.WriteString("key", failed.Key.ToString());
        json.WriteString("message", failed.Message);
        json.WriteNumber("attempts", failed.Attempts);
        json.WriteNumber("elapsed_ms", Milliseconds(failed.Elapsed));
        WriteTexts(json, "last_lines", failed.LastLines);
        json.WriteString("again", failed.Again);
        json.WriteString("kept", failed.Kept);
    }

    private static void WriteEnd(Utf8JsonWriter json, BuildFinished finished)
    {
        json.WriteBoolean("succeeded", finished.Succeeded);
        json.WriteString("first_failure", finished.FirstFailure);
        json.WriteStartArray("rows");
        foreach (var row in finished.Rows)
        {
            json.WriteStartObject();
            json.WriteString("recipe", row.Recipe);
            json.WriteString("step", row.Step);
            json.WriteString("key", row.Key.ToString());
            json.WriteString("outcome", row.Outcome);
            json.WriteString("reason", row.Reason);
            json.WriteNumber("started_ms", Milliseconds(row.Started));
            json.WriteNumber("elapsed_ms", Milliseconds(row.Elapsed));
            json.WriteNumber("bytes", row.Bytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("outputs");
        foreach (var (recipe, folder) in finished.Outputs)
        {
            json.WriteStartObject();
            json.WriteString("recipe", recipe);
            json.WriteString("folder", folder);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static BuildEvent? ReadMembers(JsonElement root)
    {
        var name = Text(root, "event");
        if (name == "build_started")
        {
            var format = root.GetProperty("format").GetInt32();
            return format == Format
                ? new BuildStarted(Texts(root, "recipes"), root.GetProperty("jobs").GetInt32(), Text(root, "layercake"), root.GetProperty("clock_ms").GetInt64())
                : throw new FormatException($"format {format} of the log is not known here; LayerCake {Text(root, "layercake")} wrote it");
        }

        if (name == "build_finished")
        {
            return new BuildFinished(
                root.GetProperty("succeeded").GetBoolean(),
                [.. root.GetProperty("rows").EnumerateArray().Select(Row)],
                [.. root.GetProperty("outputs").EnumerateArray().Select(output => KeyValuePair.Create(Text(output, "recipe"), Text(output, "folder")))],
                OptionalText(root, "first_failure"));
        }

        string Recipe() => Text(root, "recipe");
        string Step() => Text(root, "step");
        return name switch
        {
            "step_planned" => new StepPlanned(Recipe(), Step(), Key(root), Text(root, "outcome"), Text(root, "reason"), Texts(root, "after")),
            "step_started" => new StepStarted(Recipe(), Step(), root.GetProperty("attempt").GetInt32()),
            "line" => new StepLine(Recipe(), Step(), Text(root, "text")),
            "warning" => new StepWarning(Recipe(), Step(), Text(root, "text")),
            "progress" => new StepProgress(Recipe(), Step(), Text(root, "what"), root.GetProperty("done").GetInt64(), root.GetProperty("total").GetInt64()),
            "waiting" => new StepWaiting(Recipe(), Step(), Text(root, "what"), OptionalText(root, "owner")),
            "step_retried" => new StepRetried(
                Recipe(), Step(), root.GetProperty("attempt").GetInt32(), root.GetProperty("attempts").GetInt32(), Text(root, "message")),
            "step_finished" => new StepFinished(
                Recipe(), Step(), Key(root), Text(root, "outcome"), Text(root, "reason"), Time(root, "elapsed_ms"), root.GetProperty("bytes").GetInt64()),
            "step_failed" => new StepFailed(
                Recipe(), Step(), Key(root), Text(root, "message"), root.GetProperty("attempts").GetInt32(), Time(root, "elapsed_ms"),
                Texts(root, "last_lines"), OptionalText(root, "again"), OptionalText(root, "kept")),
            "step_skipped" => new StepSkipped(Recipe(), Step(), Text(root, "reason")),
            _ => null,
        };
    }

    private static BuildRow Row(JsonElement row) => new(
        Text(row, "recipe"), Text(row, "step"), Key(row), Text(row, "outcome"), Text(row, "reason"), Time(row, "started_ms"), Time(row, "elapsed_ms"),
        row.GetProperty("bytes").GetInt64());

    private static long Milliseconds(TimeSpan time) => (long)Math.Round(time.TotalMilliseconds);

    private static TimeSpan Time(JsonElement element, string name)
    {
        var milliseconds = element.GetProperty(name).GetInt64();
        return milliseconds is >= 0 and <= 1L << 42
            ? TimeSpan.FromMilliseconds(milliseconds)
            : throw new FormatException($"not an event: '{name}' is {milliseconds}");
    }

    private static StepKey Key(JsonElement element) => new(Digest.Parse(Text(element, "key")));

    private static string Text(JsonElement element, string name) =>
        element.GetProperty(name).GetString() ?? throw new FormatException($"not an event: '{name}' is null");

    private static string? OptionalText(JsonElement element, string name) => element.GetProperty(name).GetString();

    private static IReadOnlyList<string> Texts(JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(text => text.GetString() ?? throw new FormatException($"not an event: '{name}' holds a null"))];

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }
}
