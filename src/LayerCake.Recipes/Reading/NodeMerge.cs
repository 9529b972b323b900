namespace LayerCake.Recipes;

/// <summary>Lays a recipe over the one that it extends: sections merge by key, the extending one wins, and its <c>null</c> removes.</summary>
internal static class NodeMerge
{
    /// <summary>Both maps are left as they are. Every node keeps the file and line it stands in.</summary>
    public static MapNode Merge(MapNode below, MapNode above)
    {
        var merged = new MapNode(above.Origin);
        foreach (var entry in below.Entries)
        {
            merged.Entries.Add(entry.Key == RecipeSchema.MatrixKey && entry.Value is MapNode axes ? entry with { Value = Undecided(axes, above) } : entry);
        }

        foreach (var entry in above.Entries)
        {
            if (IsNull(entry.Value) && IsKnown(entry.Key))
            {
                merged.Remove(entry.Key);
            }
            else if (entry.Value is MapNode section)
            {
                var lower = merged.Find(entry.Key)?.Value as MapNode ?? new MapNode(section.Origin);
                merged.Set(entry with { Value = MergeSection(entry.Key, lower, section) });
            }
            else
            {
                merged.Set(entry);
            }
        }

        // A matrix of which nothing is left is none; one that was written empty is a fault.
        if (merged.Find(RecipeSchema.MatrixKey) is { Value: MapNode { Entries.Count: 0 } }
            && below.Find(RecipeSchema.MatrixKey) is { Value: MapNode { Entries.Count: > 0 } })
        {
            merged.Remove(RecipeSchema.MatrixKey);
        }

        return merged;
    }

    private static MapNode MergeSection(string name, MapNode below, MapNode above)
    {
        var merged = new MapNode(above.Origin);
        merged.Entries.AddRange(below.Entries);
        foreach (var entry in above.Entries)
        {
            if (IsNull(entry.Value) && IsKnown(name, entry.Key))
            {
                merged.Remove(entry.Key);
            }
            else
            {
                merged.Set(entry);
            }
        }

        return merged;
    }

    /// <summary>The lists of a matrix without those whose value the extending recipe decides, or whose section it removes.</summary>
    private static MapNode Undecided(MapNode axes, MapNode above)
    {
        var rest = new MapNode(axes.Origin);
        rest.Entries.AddRange(axes.Entries.Where(axis => RecipeSchema.FindField(axis.Key) is not { } field || !Decides(above, field)));
        return rest;
    }

    private static bool Decides(MapNode above, RecipeField field) => field.Section.Length == 0
        ? above.Find(field.Name) is not null
        : above.Find(field.Section)?.Value is { } section && (IsNull(section) || (section is MapNode map && map.Find(field.Name) is not null));

    private static bool IsNull(Node node) => node is ScalarNode { Style: ScalarStyle.Plain, Text: "null" };

    private static bool IsKnown(string key) =>
        key == RecipeSchema.MatrixKey || RecipeSchema.Top.Find(key) is not null || RecipeSchema.Find(key) is not null;

    private static bool IsKnown(string section, string key) => section == RecipeSchema.MatrixKey
        ? RecipeSchema.FindField(key) is not null
        : RecipeSchema.Find(section)?.Find(key) is not null;
}
