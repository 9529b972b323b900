using System.Globalization;
using LayerCake.Building;

namespace LayerCake.Cli.Console;

/// <summary>The table at the end of a build: a line a step, or for several recipes a line a recipe and a column a step.</summary>
internal static class BuildTable
{
    public static void Write(BuildFinished finished, bool several, Action<string> line)
    {
        line("");
        if (several)
        {
            WriteRecipes(finished.Rows, line);
        }
        else
        {
            WriteSteps(finished.Rows, line);
        }

        if (finished.Outputs.Count > 0)
        {
            line("");
        }

        foreach (var (recipe, output) in finished.Outputs)
        {
            line($"{recipe} -> {output}");
        }
    }

    private static void WriteSteps(IReadOnlyList<BuildRow> rows, Action<string> line)
    {
        var width = Math.Max(11, rows.Select(row => row.Step.Length).DefaultIfEmpty().Max());
        line($"  {"step".PadRight(width)} outcome                  time         size  why");
        foreach (var row in rows)
        {
            var hasResult = row.Outcome is not (OutcomeWords.Failed or OutcomeWords.Skipped);
            var size = hasResult ? (row.Bytes / 1e6).ToString("0.00 MB", CultureInfo.InvariantCulture) : "";
            line($"  {row.Step.PadRight(width)} {row.Outcome,-17} {TimeOf(row),11} {size,12}  {FirstLine(row.Reason)}");
        }
    }

    private static void WriteRecipes(IReadOnlyList<BuildRow> rows, Action<string> line)
    {
        var recipes = rows.Select(row => row.Recipe).Distinct().ToList();
        var steps = rows.Select(row => row.Step).Distinct().ToList();
        var cells = rows.ToDictionary(row => (row.Recipe, row.Step), row => row.Outcome == OutcomeWords.Remote ? "remote" : row.Outcome);
        var first = Math.Max("variant".Length, recipes.Max(recipe => recipe.Length));
        var widths = steps.ToDictionary(step => step, step => Math.Max(7, step.Length));
        line($"  {"variant".PadRight(first)}  {string.Join("  ", steps.Select(step => step.PadRight(widths[step])))}         time         size");
        foreach (var recipe in recipes)
        {
            var own = rows.Where(row => row.Recipe == recipe).ToList();
            var spent = TimeSpan.FromTicks(own.Where(HasTime).Sum(row => row.Elapsed.Ticks));
            var time = spent > TimeSpan.Zero ? Seconds(spent) : "";
            var last = own[^1];
            var size = last.Bytes > 0 ? (last.Bytes / 1e6).ToString("0.00 MB", CultureInfo.InvariantCulture) : "";
            var words = steps.Select(step => (cells.TryGetValue((recipe, step), out var cell) ? cell : "").PadRight(widths[step]));
            line($"  {recipe.PadRight(first)}  {string.Join("  ", words)}  {time,11} {size,12}");
        }
    }

    private static bool HasTime(BuildRow row) => row.Outcome is not (OutcomeWords.Cached or OutcomeWords.Skipped);

    private static string TimeOf(BuildRow row) => HasTime(row) ? Seconds(row.Elapsed) : "";

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.00 s", CultureInfo.InvariantCulture);

    private static string FirstLine(string text) => text.IndexOf('\n', StringComparison.Ordinal) is var end and >= 0 ? text[..end] : text;
}
