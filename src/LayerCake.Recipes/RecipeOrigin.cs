namespace LayerCake.Recipes;

/// <summary>Where a recipe came from and where each of its values stands, for messages that are found after reading.</summary>
internal sealed class RecipeOrigin(string file, string folder, IReadOnlyDictionary<string, string> folders)
{
    private readonly Dictionary<string, Origin> _places = [];

    public RecipeOrigin(string file, string folder)
        : this(file, folder, new Dictionary<string, string>())
    {
    }

    /// <summary>The path as it was given.</summary>
    public string File { get; } = file;

    /// <summary>Full path of the folder that relative paths of the recipe itself, and of arguments, count from.</summary>
    public string Folder { get; } = folder;

    public void Add(string key, Origin place) => _places[key] = place;

    /// <summary>Where <paramref name="key"/> stands, else its section, else the file.</summary>
    public Origin PlaceOf(string key) =>
        _places.TryGetValue(key, out var place) || _places.TryGetValue(key.Split('.')[0], out place) ? place : new Origin(File, 0, 0);

    /// <summary>Full path of the folder that a relative path counts from when it is the value of <paramref name="key"/>: that of the file that says it.</summary>
    public string FolderOf(string key) => folders.TryGetValue(PlaceOf(key).File, out var found) ? found : Folder;
}
