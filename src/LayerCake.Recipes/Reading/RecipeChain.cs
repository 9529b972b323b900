namespace LayerCake.Recipes;

/// <summary>A recipe with those that it extends, read into one document.</summary>
internal sealed class RecipeChain(FaultList faults)
{
    private static readonly string[] s_extensions = [".yaml", ".yml"];

    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);

    /// <summary>Full path of the folder of each file, by what messages call the file.</summary>
    public IReadOnlyDictionary<string, string> Folders => _folders;

    /// <summary>Reads a recipe and lays it over what it extends; the key <c>extends</c> is gone from the result.</summary>
    /// <param name="text">The recipe's text.</param>
    /// <param name="file">What messages call it.</param>
    /// <param name="folder">Full path of its folder.</param>
    /// <returns>The document's node; null when there is none, and then there is a fault.</returns>
    public Node? Read(string text, string file, string folder) => Read(text, file, folder, [new Link(file, Path.Combine(folder, Path.GetFileName(file)))]);

    private Node? Read(string text, string file, string folder, IReadOnlyList<Link> chain)
    {
        faults.AddFile(file);
        _folders[file] = folder;
        var root = DocumentReader.Read(file, hasLines: true, text, faults);
        if (root is not MapNode map || (chain.Count == 1 && map.Find(RecipeSchema.ExtendsKey) is null))
        {
            return root;
        }

        // Merging looks keys up; so what stands twice has to be told before.
        DropDuplicates("", map);
        if (map.Find(RecipeSchema.ExtendsKey) is not { } extends)
        {
            return map;
        }

        map.Remove(RecipeSchema.ExtendsKey);
        if (PathOf(extends) is { } path && ReadBase(path, extends.Value.Origin, file, folder, chain) is { } below)
        {
            return NodeMerge.Merge(below, map);
        }

        faults.IsPartial = true;
        return NodeMerge.Merge(new MapNode(map.Origin), map);
    }

    private MapNode? ReadBase(string path, Origin origin, string file, string folder, IReadOnlyList<Link> chain)
    {
        var full = Path.GetFullPath(path, folder);
        var link = new Link(Shown(path, file), full);
        if (chain.Any(earlier => earlier.Path == full))
        {
            faults.Add(origin, $"recipes extend each other in a circle: {string.Join(" -> ", chain.Append(link).Select(each => Quoting.Clip(each.File)))}");
            return null;
        }

        if (chain.Count == RecipeLimits.Bases)
        {
            faults.Add(origin, $"more than {RecipeLimits.Bases} recipes extend each other; put what they share into one");
            return null;
        }

        string text;
        try
        {
            text = RecipeText.Read(full, link.File);
        }
        catch (RecipeException exception)
        {
            var fault = exception.Faults[0];
            faults.Add(fault.Line > 0
                ? fault
                : origin.Fault($"extends {Quoting.Clip(path)}: {fault.Message} (looked for {Quoting.Escape(full)}); a relative path counts from this file's folder"));
            return null;
        }

        switch (Read(text, link.File, Path.GetDirectoryName(full)!, [.. chain, link]))
        {
            case MapNode map:
                return map;
            case null or UnreadableNode:
                return null;
            case { } other:
                faults.Add(other.Origin, $"the recipe is {other.Description}; it must be a map with the keys name, model, calibrate…");
                return null;
        }
    }

    private string? PathOf(MapEntry entry)
    {
        const string Rule = "a recipe's .yaml file";
        if (entry.Value is UnreadableNode)
        {
            return null;
        }

        if (entry.Value is not ScalarNode scalar || scalar.IsNull)
        {
            faults.Add(entry.Value.Origin, entry.Value is ScalarNode
                ? $"extends has no value; it must be {Rule}, or leave the line out"
                : $"extends is {entry.Value.Description}; it must be {Rule}");
            return null;
        }

        if (!scalar.TryReadText(Rule, out var text, out var problem) || !RecipeTexts.IsPath(text, out problem))
        {
            faults.Add(scalar.Origin, $"extends {problem}");
            return null;
        }

        if (text.Length > RecipeLimits.TextLength || !s_extensions.Contains(Path.GetExtension(text)))
        {
            faults.Add(scalar.Origin, $"extends is '{Quoting.Clip(text)}'; it must be {Rule}");
            return null;
        }

        return text;
    }

    /// <summary>A base as messages call it: by its path from where the recipe's own path counts from.</summary>
    private static string Shown(string path, string file)
    {
        while (path.StartsWith("./", StringComparison.Ordinal))
        {
            path = path[2..];
        }

        return Path.Combine(Path.GetDirectoryName(file) ?? "", path);
    }

    private void DropDuplicates(string section, MapNode map)
    {
        var first = new Dictionary<string, Origin>(StringComparer.Ordinal);
        map.Entries.RemoveAll(entry =>
        {
            if (first.TryAdd(entry.Key, entry.Origin))
            {
                return false;
            }

            faults.Add(entry.Origin, SectionReading.DuplicateKey(section, entry.Key, first[entry.Key]));
            return true;
        });
        if (section.Length == 0)
        {
            foreach (var entry in map.Entries)
            {
                if (entry.Value is MapNode inner && entry.Key.Length > 0)
                {
                    DropDuplicates(entry.Key, inner);
                }
            }
        }
    }

    /// <param name="File">What messages call it.</param>
    /// <param name="Path">Its full path.</param>
    private sealed record Link(string File, string Path);
}
