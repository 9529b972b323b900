using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using LayerCake.Building;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake cache ls</c>: the results in the store.</summary>
internal static class CacheLsCommand
{
    public static Command Create()
    {
        var arguments = new CacheArguments();
        var command = new Command("ls", "Lists the results in the store, last used first. Reads no content and writes nothing.");
        arguments.AddTo(command, roots: true, json: true);
        command.SetAction(result =>
        {
            using var store = arguments.Open(result, readOnly: true);
            var listing = StoreListing.Take(store, arguments.Roots(result));
            if (result.GetValue(arguments.Json))
            {
                using var output = System.Console.OpenStandardOutput();
                WriteJson(output, listing);
            }
            else
            {
                Print(listing, System.Console.Out);
            }

            return (int)ExitCode.Success;
        });
        return command;
    }

    private static void Print(StoreListing listing, TextWriter output)
    {
        var recipes = listing.Results.Select(RecipesOf).Append("recipe").Max(name => name.Length);
        output.WriteLine($"  {"recipe".PadRight(recipes)}  step        key           {"size",11}  last used         marks");
        foreach (var result in listing.Results)
        {
            var used = result.LastUsed.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
            string?[] marks = [result.IsRoot ? "root" : null, result.IsPinned ? "in use" : null, result.Fault];
            output.WriteLine(
                $"  {RecipesOf(result).PadRight(recipes)}  {result.Step,-10}  {result.Key.Short}  {Quantities.Show(result.Bytes),11}  {used}  {string.Join(", ", marks.Where(mark => mark is not null))}".TrimEnd());
        }

        output.WriteLine();
        output.WriteLine($"{Count(listing.Results.Count)}, {Quantities.Show(listing.TotalBytes)} in all, shared content counted once");
        Note(output, listing.UnnamedBytes, "content that no result has");
        Note(output, listing.PartsBytes, "finished parts of interrupted steps");
        Note(output, listing.QuarantinedBytes, "damaged content in the quarantine");
    }

    private static void Note(TextWriter output, long bytes, string what)
    {
        if (bytes > 0)
        {
            output.WriteLine($"{Quantities.Show(bytes)} of it {what}");
        }
    }

    private static string Count(int results) => results == 1 ? "1 result" : string.Create(CultureInfo.InvariantCulture, $"{results} results");

    // Only the last build of a recipe's step is known as the recipe's.
    private static string RecipesOf(StoredResult result) => result.Recipes.Count == 0 ? "-" : string.Join(", ", result.Recipes);

    /// <summary>
    /// <c>{ "format": 1, "totalBytes", "unnamedBytes", "partsBytes", "quarantinedBytes", "results": [ { "step", "key", "recipes": [], "bytes", "lastUsed",
    /// "root", "pinned", "fault" } ] }</c>; members are only ever added.
    /// </summary>
    private static void WriteJson(Stream stream, StoreListing listing)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteNumber("format", 1);
        json.WriteNumber("totalBytes", listing.TotalBytes);
        json.WriteNumber("unnamedBytes", listing.UnnamedBytes);
        json.WriteNumber("partsBytes", listing.PartsBytes);
        json.WriteNumber("quarantinedBytes", listing.QuarantinedBytes);
        json.WriteStartArray("results");
        foreach (var result in listing.Results)
        {
            json.WriteStartObject();
            json.WriteString("step", result.Step);
            json.WriteString("key", result.Key.ToString());
            json.WriteStartArray("recipes");
            foreach (var recipe in result.Recipes)
            {
                json.WriteStringValue(recipe);
            }

            json.WriteEndArray();
            json.WriteNumber("bytes", result.Bytes);
            json.WriteString("lastUsed", result.LastUsed.UtcDateTime);
            json.WriteBoolean("root", result.IsRoot);
            json.WriteBoolean("pinned", result.IsPinned);
            json.WriteString("fault", result.Fault);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }
}
