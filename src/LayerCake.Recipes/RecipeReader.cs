namespace LayerCake.Recipes;

/// <summary>Reads recipes strictly: all faults at once, each with its place and what to write instead.</summary>
public static class RecipeReader
{
    /// <summary>Reads the recipe at <paramref name="path"/>; find it with <see cref="RecipeLocator"/> where a person named it.</summary>
    /// <param name="path">Path of the file; messages show it as given here.</param>
    /// <param name="overrides">
    /// Values of <c>--set</c>, such as <c>calibrate.samples=16</c>, in their order; a later one wins. <c>auto_awq={}</c> adds a section,
    /// <c>auto_awq=null</c> leaves one out, and so does <c>calibrate.samples=null</c> with a value.
    /// </param>
    /// <exception cref="RecipeException">Anything is wrong with the file, its text or an override.</exception>
    public static Recipe Load(string path, IReadOnlyList<string> overrides)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var text = RecipeText.Read(path);
        return Parse(text, path, Path.GetDirectoryName(Path.GetFullPath(path))!, overrides);
    }

    /// <summary>Reads a recipe from its text.</summary>
    /// <param name="text">The YAML.</param>
    /// <param name="file">What messages call it.</param>
    /// <param name="folder">The folder that its relative paths count from.</param>
    /// <param name="overrides">See <see cref="Load"/>.</param>
    /// <exception cref="RecipeException">Anything is wrong with the text or an override.</exception>
    public static Recipe Parse(string text, string file, string folder, IReadOnlyList<string> overrides)
    {
        var faults = new FaultList();
        var root = DocumentReader.Read(file, hasLines: true, text, faults);

        // Where there is no map to put them into, they are still checked.
        Overrides.Apply(root as MapNode ?? new MapNode(new Origin(file, 0, 0)), overrides, faults);

        var recipe = RecipeBinder.Bind(root, new RecipeOrigin(file, Path.GetFullPath(folder)), faults);
        faults.ThrowIfAny();
        return recipe!;
    }
}
