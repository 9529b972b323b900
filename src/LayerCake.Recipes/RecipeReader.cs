namespace LayerCake.Recipes;

/// <summary>Reads recipes strictly: all faults at once, each with its place and what to write instead.</summary>
public static class RecipeReader
{
    /// <summary>Reads the one recipe at <paramref name="path"/>; find it with <see cref="RecipeLocator"/> where a person named it.</summary>
    /// <param name="path">Path of the file; messages show it as given here.</param>
    /// <param name="overrides">
    /// Values of <c>--set</c>, such as <c>calibrate.samples=16</c>, in their order; a later one wins. <c>auto_awq={}</c> adds a section,
    /// <c>auto_awq=null</c> leaves one out, and so does <c>calibrate.samples=null</c> with a value.
    /// </param>
    /// <param name="variant">Which combination of a matrix is meant, by the variant's name; null for the only one.</param>
    /// <exception cref="RecipeException">
    /// Anything is wrong with the file, its text or an override; or the recipe has a matrix, and no variant or an unknown one is named.
    /// </exception>
    public static Recipe Load(string path, IReadOnlyList<string> overrides, string? variant = null) => Choose(LoadAll(path, overrides), path, variant);

    /// <summary>Reads every variant of the recipe at <paramref name="path"/>, in the order of its matrix; one where it has none.</summary>
    /// <param name="path">See <see cref="Load"/>.</param>
    /// <param name="overrides">See <see cref="Load"/>; a value that is given does not vary.</param>
    /// <exception cref="RecipeException">Anything is wrong with the file, its text, an override or a combination of values.</exception>
    public static IReadOnlyList<RecipeVariant> LoadAll(string path, IReadOnlyList<string> overrides)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var text = RecipeText.Read(path, path);
        return ParseAll(text, path, Path.GetDirectoryName(Path.GetFullPath(path))!, overrides);
    }

    /// <summary>Reads a recipe from its text.</summary>
    /// <param name="text">The YAML.</param>
    /// <param name="file">What messages call it.</param>
    /// <param name="folder">The folder that its relative paths count from.</param>
    /// <param name="overrides">See <see cref="Load"/>.</param>
    /// <param name="variant">See <see cref="Load"/>.</param>
    /// <exception cref="RecipeException">Anything is wrong with the text or an override; or the variant is not clear.</exception>
    public static Recipe Parse(string text, string file, string folder, IReadOnlyList<string> overrides, string? variant = null) =>
        Choose(ParseAll(text, file, folder, overrides), file, variant);

    /// <summary>Reads every variant of a recipe from its text.</summary>
    /// <param name="text">The YAML.</param>
    /// <param name="file">What messages call it.</param>
    /// <param name="folder">The folder that its relative paths count from.</param>
    /// <param name="overrides">See <see cref="Load"/>.</param>
    /// <exception cref="RecipeException">Anything is wrong with the text, an override or a combination of values.</exception>
    public static IReadOnlyList<RecipeVariant> ParseAll(string text, string file, string folder, IReadOnlyList<string> overrides)
    {
        var faults = new FaultList();
        folder = Path.GetFullPath(folder);
        var chain = new RecipeChain(faults);
        var root = chain.Read(text, file, folder);

        // Where there is no map to put them into, overrides are still checked.
        var map = root as MapNode ?? new MapNode(new Origin(file, 0, 0));
        var matrix = RecipeMatrix.Take(map, faults);
        Overrides.Apply(map, matrix, overrides, faults);

        RecipeOrigin NewOrigin() => new(file, folder, chain.Folders);
        IReadOnlyList<RecipeVariant> variants = [];
        if (root is MapNode)
        {
            variants = new VariantBinder(matrix, NewOrigin, faults).Bind(map);
        }
        else
        {
            RecipeBinder.Bind(root, NewOrigin(), faults);
        }

        faults.ThrowIfAny();
        return variants;
    }

    private static Recipe Choose(IReadOnlyList<RecipeVariant> variants, string file, string? variant)
    {
        var names = variants.Select(each => each.Name).ToList();
        if (variant is null)
        {
            return variants.Count == 1
                ? variants[0].Recipe
                : throw variants[0].Recipe.Refuse(
                    RecipeSchema.MatrixKey, $"the recipe has a matrix of {variants.Count} variants; choose a variant with --variant NAME: {string.Join(", ", names)}");
        }

        if (variants.FirstOrDefault(each => each.Name == variant) is { } chosen)
        {
            return chosen.Recipe;
        }

        var near = NearName.Of(variant, names);
        throw new RecipeException(new RecipeFault(
            $"--variant {Quoting.Clip(variant)}",
            0,
            0,
            $"{file} has no such variant; " + (near is not null ? $"did you mean '{near}'?" : names.Count == 1 ? $"it has only {names[0]}" : $"it has {string.Join(", ", names)}")));
    }
}
