using System.CommandLine;
using System.Globalization;
using LayerCake.Building;
using LayerCake.Recipes;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake cache export FILE</c>: results as one file.</summary>
internal static class CacheExportCommand
{
    // Fewer digits are a slip of the hand.
    private const int FewestDigits = 6;

    public static Command Create()
    {
        var arguments = new CacheArguments();
        var file = new Argument<string>("file") { HelpName = "FILE", Description = "The archive to write (.tar)." };
        var recipes = new Option<string[]>("--recipe")
        {
            Description = "Only the results of this recipe's last build. May be repeated.",
            HelpName = "NAME",
            AllowMultipleArgumentsPerToken = false,
            DefaultValueFactory = _ => [],
        };
        var keys = new Option<string[]>("--key")
        {
            Description = "Only the result of this key, or of the key that begins so, and those it was made from. May be repeated.",
            HelpName = "KEY",
            AllowMultipleArgumentsPerToken = false,
            DefaultValueFactory = _ => [],
        };
        var command = new Command("export", "Writes results into one file, for a machine that no shared cache reaches. The same results give the same bytes.") { file };
        command.Options.Add(recipes);
        command.Options.Add(keys);
        arguments.AddTo(command);
        command.SetAction((result, token) =>
        {
            using var store = arguments.Open(result, readOnly: true);
            var chosen = Choose(StoreListing.Take(store, [], token).Results, result.GetValue(recipes)!, result.GetValue(keys)!);
            var path = result.GetValue(file)!;
            var report = new StoreExporter(store).Export(path, chosen, token);
            System.Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{path}: {report.Results} results, {report.Contents} files, {Quantities.Show(report.Bytes)}"));
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    private static IReadOnlyCollection<StepKey> Choose(IReadOnlyList<StoredResult> results, string[] recipes, string[] keys)
    {
        if (recipes.Length == 0 && keys.Length == 0)
        {
            return [.. results.Where(result => result.Fault is null).Select(result => result.Key)];
        }

        var chosen = new HashSet<StepKey>();
        foreach (var recipe in recipes)
        {
            var name = Path.GetFileNameWithoutExtension(recipe) is { Length: > 0 } plain && recipe.EndsWith(".yaml", StringComparison.Ordinal) ? plain : recipe;
            var built = results.Where(result => result.Recipes.Contains(name)).Select(result => result.Key).ToList();
            if (built.Count == 0)
            {
                var near = NearName.Of(name, results.SelectMany(result => result.Recipes).Distinct());
                throw new UsageException($"The store has no result of a recipe '{name}'{(near is null ? "" : $"; did you mean '{near}'?")}");
            }

            chosen.UnionWith(built);
        }

        foreach (var key in keys)
        {
            var matching = results.Where(result => result.Key.ToString().StartsWith(key, StringComparison.Ordinal)).Select(result => result.Key).ToList();
            chosen.Add(matching.Count == 1 && key.Length >= FewestDigits
                ? matching[0]
                : throw new UsageException(
                    key.Length < FewestDigits ? $"--key takes at least {FewestDigits} digits of a key, not '{key}'."
                    : matching.Count == 0 ? $"The store has no result whose key begins with '{key}'; 'layercake cache ls' shows the keys."
                    : $"Several keys begin with '{key}'; write more of it."));
        }

        return chosen;
    }
}
