namespace LayerCake.Building;

/// <summary>What is in a store. Reads names, sizes and records, no content, and writes nothing.</summary>
public sealed record StoreListing
{
    /// <summary>Last used first.</summary>
    public required IReadOnlyList<StoredResult> Results { get; init; }

    /// <summary>Bytes of all of it: content that results share counts once.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>Bytes of content that no record names.</summary>
    public required long UnnamedBytes { get; init; }

    /// <summary>Bytes of the finished parts of interrupted steps.</summary>
    public required long PartsBytes { get; init; }

    /// <summary>Bytes of content whose digest was wrong.</summary>
    public required long QuarantinedBytes { get; init; }

    /// <param name="store">The store.</param>
    /// <param name="roots">The keys that lock records name.</param>
    /// <param name="token">Ends the reading.</param>
    /// <exception cref="BuildException">The store cannot be read.</exception>
    public static StoreListing Take(ArtifactStore store, IReadOnlyCollection<StepKey> roots, CancellationToken token = default)
    {
        var inventory = StoreInventory.Take(store, token);
        var recipes = LatestRecipes(store);
        var rooted = new HashSet<StepKey>(roots);
        var pins = store.Pins.Read();
        var results = new List<StoredResult>();
        foreach (var item in inventory.Records.Values)
        {
            results.Add(new StoredResult
            {
                Key = item.Key,
                Step = item.Step,
                Recipes = recipes.TryGetValue(item.Key, out var names) ? [.. names] : [],
                Bytes = item.OutputBytes,
                LastUsed = item.LastUsed,
                IsRoot = rooted.Contains(item.Key),
                IsPinned = pins.Contains(item.Key),
                Fault = inventory.FaultOf(item),
            });
        }

        results.Sort(static (left, right) => right.LastUsed.CompareTo(left.LastUsed) is var order and not 0 ? order : left.Key.Value.CompareTo(right.Key.Value));
        var unnamed = 0L;
        foreach (var (digest, blob) in inventory.Blobs)
        {
            unnamed += inventory.IsNamed(digest) ? 0 : blob.Size;
        }

        return new StoreListing
        {
            Results = results,
            TotalBytes = inventory.TotalBytes,
            UnnamedBytes = unnamed,
            PartsBytes = Sum(inventory.Parts),
            QuarantinedBytes = Sum(inventory.Quarantined),
        };
    }

    /// <summary>The keys of the last builds, with the recipes that they were builds of.</summary>
    internal static Dictionary<StepKey, SortedSet<string>> LatestRecipes(ArtifactStore store)
    {
        var recipes = new Dictionary<StepKey, SortedSet<string>>();
        if (!Directory.Exists(store.Layout.Latests))
        {
            return recipes;
        }

        foreach (var folder in Directory.EnumerateDirectories(store.Layout.Latests))
        {
            foreach (var note in Directory.EnumerateFiles(folder, "*.json"))
            {
                if (store.FindLatest(Path.GetFileName(folder), Path.GetFileNameWithoutExtension(note)) is { } fields)
                {
                    if (!recipes.TryGetValue(fields.Key, out var names))
                    {
                        recipes.Add(fields.Key, names = new SortedSet<string>(StringComparer.Ordinal));
                    }

                    names.Add(Path.GetFileName(folder));
                }
            }
        }

        return recipes;
    }

    private static long Sum(IReadOnlyList<StoreInventory.Leftover> leftovers)
    {
        var bytes = 0L;
        foreach (var leftover in leftovers)
        {
            bytes += leftover.Bytes;
        }

        return bytes;
    }
}
