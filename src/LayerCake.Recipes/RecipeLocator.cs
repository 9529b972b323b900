namespace LayerCake.Recipes;

/// <summary>Finds the file that a person means by <c>--recipe NAME</c>.</summary>
public static class RecipeLocator
{
    private const string Folder = "recipes";

    private static readonly string[] s_extensions = ["", ".yaml", ".yml"];

    /// <summary>
    /// Looks for <paramref name="name"/> as given and then in <c>recipes/</c>, both below <paramref name="workingFolder"/> and each also with
    /// <c>.yaml</c> or <c>.yml</c> appended.
    /// </summary>
    /// <returns>The path; short, as messages will show it, when the working folder is the process's own.</returns>
    /// <exception cref="RecipeException">There is no such file; the message names those that are near.</exception>
    public static string Find(string name, string workingFolder)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Contains('\0'))
        {
            throw Refuse(name ?? "", "the recipe has no name; name a file, such as recipes/internlm-tiny-w4kv8.yaml");
        }

        foreach (var start in new[] { "", Folder })
        {
            foreach (var extension in s_extensions)
            {
                var path = Path.Combine(start, name + extension);
                var full = Path.Combine(workingFolder, path);
                if (File.Exists(full))
                {
                    return Path.GetFullPath(workingFolder) == Directory.GetCurrentDirectory() ? path : full;
                }
            }
        }

        if (Directory.Exists(Path.Combine(workingFolder, name)))
        {
            throw Refuse(name, "this is a folder; name a recipe file");
        }

        var known = Known(Path.Combine(workingFolder, Folder));
        var near = NearName.Of(Path.GetFileNameWithoutExtension(name), known);
        var found = known.Count == 0 ? $"the folder {Folder} holds no recipe" : $"{Folder} has {string.Join(", ", known)}";
        throw Refuse(name, $"there is no such recipe, as given or in {Folder}; {(near is null ? found : $"did you mean '{near}'? {char.ToUpperInvariant(found[0])}{found[1..]}")}");
    }

    private static List<string> Known(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return [];
        }

        return
        [
            .. Directory.EnumerateFiles(folder)
                .Where(file => Path.GetExtension(file) is ".yaml" or ".yml")
                .Select(file => Path.GetFileNameWithoutExtension(file))
                .Order(StringComparer.Ordinal),
        ];
    }

    private static RecipeException Refuse(string name, string message) => new(new RecipeFault($"--recipe {Quoting.Clip(name)}", 0, 0, message));
}
