namespace LayerCake.Recipes;

/// <summary>
/// The <c>--set</c> arguments. Each puts a node into the document before anything is checked, so an overridden value is read exactly as a
/// written one, and its faults name the argument.
/// </summary>
internal static class Overrides
{
    public static void Apply(MapNode root, IReadOnlyList<string> overrides, FaultList faults)
    {
        foreach (var text in overrides)
        {
            Apply(root, text, new Origin($"--set {Quoting.Clip(text)}", 0, 0), faults);
        }
    }

    private static void Apply(MapNode root, string text, Origin origin, FaultList faults)
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
            SetSection(root, section, value, origin, faults);
        }
        else if (AllFields().FirstOrDefault(field => field.Path == path) is { } field)
        {
            SetField(root, field, value, origin, faults);
        }
        else
        {
            faults.Add(origin, Unknown(path));
        }
    }

    /// <summary>Takes <c>{}</c>, a map in braces, or <c>null</c>, which removes the section.</summary>
    private static void SetSection(MapNode root, RecipeSection section, string value, Origin origin, FaultList faults)
    {
        if (value == "null")
        {
            root.Remove(section.Name);
        }
        else if (!value.StartsWith('{'))
        {
            faults.Add(origin, $"{section.Name} is a section; write {section.Name}.{section.Fields[0].Name}=VALUE, {section.Name}={{}} for its defaults, or {section.Name}=null to leave it out");
        }
        else if (DocumentReader.Read(origin.File, hasLines: false, value, faults) is { } node)
        {
            root.Set(new MapEntry(section.Name, origin, node));
        }
    }

    private static void SetField(MapNode root, RecipeField field, string value, Origin origin, FaultList faults)
    {
        if (value.Length == 0)
        {
            faults.Add(origin, $"{field.Path} has no value; it must be {field.Wanted}, or null to leave it out");
            return;
        }

        var map = root;
        if (field.Section.Length > 0)
        {
            if (root.Find(field.Section) is not { } entry)
            {
                if (value == "null")
                {
                    return;
                }

                entry = new MapEntry(field.Section, origin, new MapNode(origin));
                root.Entries.Add(entry);
            }

            if (entry.Value is not MapNode section)
            {
                // "auto_awq:" without a value counts as the section that the argument begins; anything else has its fault from the file.
                if (entry.Value is not ScalarNode { IsNull: true })
                {
                    return;
                }

                section = new MapNode(origin);
                root.Set(entry with { Value = section });
            }

            map = section;
        }

        if (value == "null")
        {
            map.Remove(field.Name);
        }
        else
        {
            map.Set(new MapEntry(field.Name, origin, new ScalarNode(origin, value, ScalarStyle.Argument)));
        }
    }

    private static string Unknown(string path)
    {
        var paths = AllFields().Select(field => field.Path).ToList();
        var near = NearName.Of(path, paths.Concat(RecipeSchema.Sections.Select(section => section.Name)));
        if (near is null && !path.Contains('.'))
        {
            // The section left out: "samples=16".
            var name = NearName.Of(path, AllFields().Select(field => field.Name));
            near = AllFields().FirstOrDefault(field => field.Name == name)?.Path;
        }

        return $"unknown key '{Quoting.Clip(path)}'; " + (near is not null ? $"did you mean '{near}'?" : $"known are {string.Join(", ", paths)}");
    }

    private static IEnumerable<RecipeField> AllFields() => RecipeSchema.Sections.Prepend(RecipeSchema.Top).SelectMany(section => section.Fields);
}
