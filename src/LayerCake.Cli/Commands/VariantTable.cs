namespace LayerCake.Cli.Commands;

/// <summary>The plans of all variants of a recipe as one table: a row a variant, a column a step.</summary>
internal static class VariantTable
{
    private const string Shared = "shared";

    public static void Print(string recipe, IReadOnlyList<PlanView> views, TextWriter output)
    {
        var steps = views.SelectMany(view => view.Steps).Select(step => step.Planned.Name).Distinct().ToList();
        var width = Math.Max("variant".Length, views.Max(view => view.Recipe.Length));
        output.WriteLine($"{recipe}: {views.Count} variants");
        output.WriteLine();
        output.WriteLine($"  {"variant".PadRight(width)}  {string.Join("  ", steps.Select(step => step.PadRight(10)))}".TrimEnd());
        var (running, shared, seen) = (0, 0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var view in views)
        {
            var words = new List<string>();
            foreach (var name in steps)
            {
                var step = view.Steps.FirstOrDefault(step => step.Planned.Name == name);
                var word = step is null ? "-" : step.IsCached || seen.Add(step.Planned.Key.ToString()) ? step.Word : Shared;
                running += step is { IsCached: false, IsFetched: false } && word != Shared ? 1 : 0;
                shared += word == Shared ? 1 : 0;
                words.Add(word.PadRight(10));
            }

            output.WriteLine($"  {view.Recipe.PadRight(width)}  {string.Join("  ", words)}".TrimEnd());
        }

        output.WriteLine();
        output.WriteLine(running == 0 ? "Nothing to do." : $"{running} of {views.Sum(view => view.Steps.Count)} steps would run{(shared == 0 ? "" : $"; {shared} more are shared with a variant above them")}.");
    }
}
