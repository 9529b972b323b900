namespace LayerCake.Recipes;

/// <summary>
/// The <c>--set</c> arguments. Each puts a node into the document before anything is checked, so an overridden value is read exactly as a
/// written one, and its faults name the argument.
/// </summary>
internal static class Overrides
{
    /// <param name="root">The document.</param>
    /// <param name="matrix">Its matrix; a value that an argument gives does not vary.</param>
    /// <param name="overrides">The arguments.</param>
    /// <param name="faults">Takes what is wrong with them.</param>
    public static void Apply(MapNode root, RecipeMatrix matrix, IReadOnlyList<string> overrides, FaultList faults)
    {
        foreach (var text in overrides)
        {
            Apply(root, matrix, text, new Origin($"--set {Quoting.Clip(text)}", 0, 0), faults);
        }
    }

    /// <summary>Puts a value into the document, and brings its section along where there is none.</summary>
    /// <returns>False where something stands in the section's place that cannot take it; that has its fault.</returns>
    public static bool Put(MapNode root, RecipeField field, Origin origin, ScalarNode value)
    {
        if (SectionOf(root, field, origin) is not { } map)
        {
            return false;
        }

        map.Set(new MapEntry(field.Name, origin, value));
        return true;
    }

    private static void Apply(MapNode root, RecipeMatrix matrix, string text, Origin origin, FaultList faults)
    {
        var equals = text.IndexOf('=');
        if (equals <= 0)
        {
            faults.Add(origin, "write KEY=VALUE, such as calibrate.samples=16");
            return;
        }

        var (path, value) = (text[..equals], text[(equals + 1)..]);
        if (RecipeSchema.Find(path) is { } section)
        {
            SetSection(root, matrix, section, value, origin, faults);
        }
        else if (RecipeSchema.FindField(path) is { } field)
        {
            SetField(root, matrix, field, value, origin, faults);
        }
        else if (path == RecipeSchema.MatrixKey)
        {
            if (value == "null")
            {
                matrix.Clear();
            }
            else
            {
                faults.Add(origin, "matrix cannot be set; write KEY=VALUE to choose one of its values, or matrix=null to leave it out");
            }
        }
        else if (path == RecipeSchema.ExtendsKey)
        {
            faults.Add(origin, "extends cannot be set; write it into the recipe");
        }
        else
        {
            faults.Add(origin, Unknown(path, ""));
        }
    }

    /// <summary>Takes <c>{}</c>, a map in braces, or <c>null</c>, which removes the section.</summary>
    private static void SetSection(MapNode root, RecipeMatrix matrix, RecipeSection section, string value, Origin origin, FaultList faults)
    {
        if (value == "null")
        {
            root.Remove(section.Name);
            matrix.Remove(section);
        }
        else if (!value.StartsWith('{'))
        {
            faults.Add(origin, $"{section.Name} is a section; write {section.Name}.{section.Fields[0].Name}=VALUE, {section.Name}={{}} for its defaults, or {section.Name}=null to leave it out");
        }
        else if (DocumentReader.Read(origin.File, hasLines: false, value, faults) is { } node)
        {
            root.Set(new MapEntry(section.Name, origin, node));
            foreach (var entry in (node as MapNode)?.Entries ?? [])
            {
                if (section.Find(entry.Key) is { } field)
                {
                    matrix.Pin(field, entry.Value as ScalarNode);
                }
            }
        }
    }

    private static void SetField(MapNode root, RecipeMatrix matrix, RecipeField field, string value, Origin origin, FaultList faults)
    {
        if (value.Length == 0)
        {
            faults.Add(origin, $"{field.Path} has no value; it must be {field.Wanted}, or null to leave it out");
        }
        else if (value != "null")
        {
            var node = new ScalarNode(origin, value, ScalarStyle.Argument);
            Put(root, field, origin, node);
            matrix.Pin(field, node);
        }
        else
        {
            matrix.Pin(field, null);
            if ((field.Section.Length == 0 || root.Find(field.Section) is not null) && SectionOf(root, field, origin) is { } map)
            {
                map.Remove(field.Name);
            }
        }
    }

    /// <summary>The map that holds <paramref name="field"/>, made where there is none; null where something else stands in its place, which has its fault.</summary>
    private static MapNode? SectionOf(MapNode root, RecipeField field, Origin origin)
    {
        if (field.Section.Length == 0)
        {
            return root;
        }

        if (root.Find(field.Section) is not { } entry)
        {
            entry = new MapEntry(field.Section, origin, new MapNode(origin));
            root.Entries.Add(entry);
        }

        if (entry.Value is not MapNode section)
        {
            // "auto_awq:" without a value counts as the section that the argument begins; anything else has its fault from the file.
            if (entry.Value is not ScalarNode { IsNull: true })
            {
                return null;
            }

            section = new MapNode(origin);
            root.Set(entry with { Value = section });
        }

        return section;
    }

    /// <summary>The fault of a key that no value has.</summary>
    /// <param name="path">The key.</param>
    /// <param name="where">Follows it in the message.</param>
    public static string Unknown(string path, string where)
    {
        var paths = RecipeSchema.Fields.Select(field => field.Path).ToList();
        var near = NearName.Of(path, paths.Concat(RecipeSchema.Sections.Select(section => section.Name)));
        if (near is null && !path.Contains('.'))
        {
            // The section left out: "samples=16".
            var name = NearName.Of(path, RecipeSchema.Fields.Select(field => field.Name));
            near = RecipeSchema.Fields.FirstOrDefault(field => field.Name == name)?.Path;
        }

        return $"unknown key '{Quoting.Clip(path)}'{where}; " + (near is not null ? $"did you mean '{near}'?" : $"known are {string.Join(", ", paths)}");
    }
}
