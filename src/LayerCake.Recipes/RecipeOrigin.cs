namespace LayerCake.Recipes;

/// <summary>Where a recipe came from and where each of its values stands, for messages that are found after reading.</summary>
internal sealed class RecipeOrigin(string file, string folder)
{
    private readonly Dictionary<string, Origin> _places = [];

    /// <summary>The path as it was given.</summary>
    public string File { get; } = file;

    /// <summary>Full path of the folder that relative paths count from.</summary>
    public string Folder { get; } = folder;

    public void Add(string key, Origin place) => _places[key] = place;

    /// <summary>Where <paramref name="key"/> stands, else its section, else the file.</summary>
    public Origin PlaceOf(string key) =>
        _places.TryGetValue(key, out var place) || _places.TryGetValue(key.Split('.')[0], out place) ? place : new Origin(File, 0, 0);
}
