namespace LayerCake.Recipes;

/// <summary>The values of one section, each checked alone.</summary>
internal sealed class SectionReading
{
    private readonly Dictionary<RecipeField, (object? Value, Origin Origin)> _values = [];

    private SectionReading(Origin origin) => Origin = origin;

    /// <summary>Where the section's key stands.</summary>
    public Origin Origin { get; }

    /// <summary>Where a value stands, for those that the recipe gives.</summary>
    public IEnumerable<KeyValuePair<RecipeField, Origin>> Origins => _values.Select(pair => KeyValuePair.Create(pair.Key, pair.Value.Origin));

    /// <summary>The value the recipe gives, else the default. Without fault there is one or the other.</summary>
    public T Get<T>(RecipeField<T> field) => _values.TryGetValue(field, out var found) ? (T)found.Value! : field.Default;

    /// <summary>Whether the recipe gives a legal value, and where.</summary>
    public bool Gives<T>(RecipeField<T> field, out T value, out Origin origin)
    {
        var given = _values.TryGetValue(field, out var found);
        value = given ? (T)found.Value! : default!;
        origin = found.Origin;
        return given;
    }

    /// <summary>Reads <paramref name="entries"/> as the fields of <paramref name="section"/>; <paramref name="otherKeys"/> beside them are read elsewhere.</summary>
    public static SectionReading Read(
        RecipeSection section, Origin origin, IEnumerable<MapEntry> entries, IEnumerable<string> otherKeys, FaultList faults)
    {
        var reading = new SectionReading(origin);
        var seen = new Dictionary<string, Origin>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            if (faults.IsFull)
            {
                return reading;
            }

            if (!seen.TryAdd(entry.Key, entry.Origin))
            {
                faults.Add(entry.Origin, DuplicateKey(section.Name, entry.Key, seen[entry.Key]));
            }
            else if (section.Find(entry.Key) is { } field)
            {
                reading.ReadField(field, entry, faults);
            }
            else if (!otherKeys.Contains(entry.Key))
            {
                faults.Add(entry.Origin, UnknownKey(section, entry.Key, otherKeys));
            }
        }

        foreach (var field in section.Fields)
        {
            if (field.IsRequired && !seen.ContainsKey(field.Name) && !faults.IsPartial)
            {
                faults.Add(origin, $"{field.Path} is missing: {field.Wanted}");
            }
        }

        return reading;
    }

    /// <summary>The fault of a key that stands twice in a section.</summary>
    public static string DuplicateKey(string section, string key, Origin first) =>
        $"duplicate key '{Quoting.Clip(key)}'{In(section)}; it already stands in line {first.Line}";

    private void ReadField(RecipeField field, MapEntry entry, FaultList faults)
    {
        switch (entry.Value)
        {
            case UnreadableNode:
                break;
            case ScalarNode { IsNull: true }:
                faults.Add(entry.Origin, $"{field.Path} has no value; it must be {field.Wanted}{(field.IsRequired ? "" : ", or leave the line out")}");
                break;
            case ScalarNode scalar:
                if (field.TryRead(scalar, out object? value, out var problem))
                {
                    _values[field] = (value, scalar.Origin);
                }
                else
                {
                    faults.Add(scalar.Origin, $"{field.Path} {problem}");
                }

                break;
            case ListNode list when field is IListField lists:
                if (lists.TryRead(list, out object? items, out var fault))
                {
                    _values[field] = (items, list.Origin);
                }
                else
                {
                    faults.Add(list.Origin, $"{field.Path} {fault}");
                }

                break;
            default:
                faults.Add(entry.Value.Origin, $"{field.Path} is {entry.Value.Description}; it must be {field.Wanted}");
                break;
        }
    }

    private static string UnknownKey(RecipeSection section, string key, IEnumerable<string> otherKeys)
    {
        if (key == "<<")
        {
            return "the merge key '<<' is not read; write the keys themselves";
        }

        var known = section.Fields.Select(field => field.Name).Concat(otherKeys).ToList();
        if (NearName.Of(key, known) is { } near)
        {
            return $"unknown key '{Quoting.Clip(key)}'{In(section.Name)}; did you mean '{near}'?";
        }

        // A key on the wrong level is the usual fault of indentation.
        var elsewhere = RecipeSchema.Sections.Append(RecipeSchema.Top).SelectMany(other => other.Fields).FirstOrDefault(field => field.Name == key)?.Path
            ?? RecipeSchema.Find(key)?.Name;
        return elsewhere is not null
            ? $"unknown key '{key}'{In(section.Name)}; it belongs to {(elsewhere.Contains('.') ? elsewhere[..elsewhere.IndexOf('.')] : "the top level")}"
            : $"unknown key '{Quoting.Clip(key)}'{In(section.Name)}; known here: {string.Join(", ", known)}";
    }

    private static string In(string section) => section.Length == 0 ? "" : $" in {Quoting.Clip(section)}";
}
