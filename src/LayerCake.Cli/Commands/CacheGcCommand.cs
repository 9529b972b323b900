using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using LayerCake.Building;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake cache gc</c>: keeps the store within limits.</summary>
internal static class CacheGcCommand
{
    public static Command Create()
    {
        var arguments = new CacheArguments();
        var maxSize = new Option<string?>("--max-size") { Description = "How large the store may be, for example 50GB; the least recently used results go.", HelpName = "SIZE" };
        var keepFor = new Option<string?>("--keep-for") { Description = "How long a result stays after its last use, for example 30d.", HelpName = "TIME" };
        var minFree = new Option<string?>("--min-free") { Description = "How much of the store's disk shall be free, for example 20GB.", HelpName = "SIZE" };
        var dryRun = new Option<bool>("--dryrun") { Description = "Says what would go, and removes nothing." };
        var command = new Command("gc", "Removes what nothing needs, and results beyond the limits. Results of lock records and of running builds stay.");
        command.Options.Add(maxSize);
        command.Options.Add(keepFor);
        command.Options.Add(minFree);
        command.Options.Add(dryRun);
        arguments.AddTo(command, roots: true, json: true);
        command.SetAction(async (result, token) =>
        {
            var limits = new CollectLimits
            {
                MaxBytes = Quantities.Bytes("--max-size", result.GetValue(maxSize)),
                KeepFor = Quantities.Span("--keep-for", result.GetValue(keepFor)),
                MinFreeBytes = Quantities.Bytes("--min-free", result.GetValue(minFree)),
            };
            var dry = result.GetValue(dryRun);
            using var store = arguments.Open(result, readOnly: dry);
            var report = await new Collector(store).CollectAsync(limits, arguments.Roots(result), dry, token).ConfigureAwait(false);
            if (result.GetValue(arguments.Json))
            {
                using var output = System.Console.OpenStandardOutput();
                WriteJson(output, report, dry);
            }
            else
            {
                Print(report, dry, System.Console.Out);
            }

            if (report.HeldBytes > 0)
            {
                System.Console.Error.WriteLine(
                    $"warning: {Quantities.Show(report.HeldBytes)} more should go; lock records, running builds or a use just now hold what is left");
            }

            return (int)ExitCode.Success;
        });
        return command;
    }

    private static void Print(CollectReport report, bool dry, TextWriter output)
    {
        foreach (var item in report.Removed)
        {
            output.WriteLine($"  {WordOf(item.Kind),-7}  {item.Name,-24}  {Quantities.Show(item.Bytes),11}  {item.Reason}");
        }

        if (report.Removed.Count > 0)
        {
            output.WriteLine();
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{(dry ? "would remove" : "removed")} {report.Removed.Count}, {Quantities.Show(report.BytesFreed)}; {report.Kept} results stay, {Quantities.Show(report.BytesAfter)}"));
    }

    private static string WordOf(CollectedKind kind) => kind switch
    {
        CollectedKind.Result => "result",
        CollectedKind.Parts => "parts",
        CollectedKind.Content => "content",
        _ => "rubbish",
    };

    /// <summary>
    /// <c>{ "format": 1, "dryrun", "bytesBefore", "bytesFreed", "bytesAfter", "kept", "heldBytes", "removed": [ { "kind": "result" | "parts" | "content" |
    /// "rubbish", "name", "key", "bytes", "reason" } ] }</c>; members are only ever added.
    /// </summary>
    private static void WriteJson(Stream stream, CollectReport report, bool dry)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteNumber("format", 1);
        json.WriteBoolean("dryrun", dry);
        json.WriteNumber("bytesBefore", report.BytesBefore);
        json.WriteNumber("bytesFreed", report.BytesFreed);
        json.WriteNumber("bytesAfter", report.BytesAfter);
        json.WriteNumber("kept", report.Kept);
        json.WriteNumber("heldBytes", report.HeldBytes);
        json.WriteStartArray("removed");
        foreach (var item in report.Removed)
        {
            json.WriteStartObject();
            json.WriteString("kind", WordOf(item.Kind));
            json.WriteString("name", item.Name);
            json.WriteString("key", item.Key?.ToString());
            json.WriteNumber("bytes", item.Bytes);
            json.WriteString("reason", item.Reason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }
}
