using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>The lists of values under <c>matrix</c>, in the order of the file.</summary>
internal sealed class RecipeMatrix
{
    private const string Example = "{ convert.tensor_parallel: [1, 2], calibrate.samples: [32, 128] }";

    private readonly List<MatrixAxis> _axes = [];
    private readonly Origin _origin;

    private RecipeMatrix(Origin origin) => _origin = origin;

    public IReadOnlyList<MatrixAxis> Axes => _axes;

    /// <summary>Where the key stands; nowhere when there is no matrix.</summary>
    public Origin Origin => _origin;

    /// <summary>Takes the matrix out of <paramref name="root"/>. What cannot be read of it has its fault and is left out.</summary>
    public static RecipeMatrix Take(MapNode root, FaultList faults)
    {
        if (root.Find(RecipeSchema.MatrixKey) is not { } entry)
        {
            return new RecipeMatrix(default);
        }

        foreach (var second in root.Entries.Where(other => other.Key == entry.Key).Skip(1))
        {
            faults.Add(second.Origin, SectionReading.DuplicateKey("", entry.Key, entry.Origin));
        }

        root.Remove(RecipeSchema.MatrixKey);
        var matrix = new RecipeMatrix(entry.Origin);
        switch (entry.Value)
        {
            case MapNode map:
                matrix.Read(map, faults);
                break;
            case UnreadableNode:
                faults.IsPartial = true;
                break;
            case ScalarNode { IsNull: true }:
                faults.Add(entry.Origin, $"matrix has no value; write lists of values such as {Example}, or leave the line out");
                break;
            default:
                faults.Add(entry.Value.Origin, $"matrix is {entry.Value.Description}; it must hold lists of values such as {Example}");
                break;
        }

        return matrix;
    }

    /// <summary>Every combination of the values, the last list's fastest; one without values where there is no list.</summary>
    public IReadOnlyList<IReadOnlyList<MatrixValue>> Combinations(FaultList faults)
    {
        List<IReadOnlyList<MatrixValue>> combinations = [[]];
        foreach (var axis in _axes)
        {
            if ((long)combinations.Count * axis.Chosen.Count > RecipeLimits.Variants)
            {
                var sizes = _axes.Select(each => each.Chosen.Count.ToString(CultureInfo.InvariantCulture));
                faults.Add(_origin, $"matrix gives more than {RecipeLimits.Variants} variants ({string.Join(" x ", sizes)}); take values out, or split the recipe");
                return [[.. _axes.Select(each => each.Chosen[0])]];
            }

            combinations = [.. combinations.SelectMany(start => axis.Chosen.Select(value => (IReadOnlyList<MatrixValue>)[.. start, value]))];
        }

        return combinations;
    }

    /// <summary>An argument decides the value of <paramref name="field"/>: it is the list's only one, in the variants' names too.</summary>
    /// <param name="field">Whose value.</param>
    /// <param name="node">The value; null where the argument leaves it out, and then the list goes too.</param>
    public void Pin(RecipeField field, ScalarNode? node)
    {
        var index = _axes.FindIndex(axis => axis.Field == field);
        if (index < 0)
        {
            return;
        }

        // A value that cannot be read has its fault where the argument put it into the recipe.
        if (node is not null && field.TryRead(node, out object? value, out _))
        {
            _axes[index] = _axes[index] with { Chosen = [new MatrixValue(node, value!)] };
        }
        else
        {
            _axes.RemoveAt(index);
        }
    }

    /// <summary>An argument leaves a whole section out.</summary>
    public void Remove(RecipeSection section) => _axes.RemoveAll(axis => axis.Field.Section == section.Name);

    /// <summary>An argument leaves the matrix out.</summary>
    public void Clear() => _axes.Clear();

    private void Read(MapNode map, FaultList faults)
    {
        if (map.Entries.Count == 0)
        {
            faults.Add(_origin, $"matrix is empty; write lists of values such as {Example}, or leave it out");
        }

        var seen = new Dictionary<string, Origin>(StringComparer.Ordinal);
        foreach (var entry in map.Entries)
        {
            if (faults.IsFull)
            {
                return;
            }

            if (!seen.TryAdd(entry.Key, entry.Origin))
            {
                faults.Add(entry.Origin, SectionReading.DuplicateKey(RecipeSchema.MatrixKey, entry.Key, seen[entry.Key]));
            }
            else if (FieldOf(entry, faults) is { } field && ValuesOf(field, entry, faults) is { Count: > 0 } values)
            {
                _axes.Add(new MatrixAxis(field, entry.Origin, values, values));
            }
            else
            {
                faults.IsPartial = true;
            }
        }
    }

    private static RecipeField? FieldOf(MapEntry entry, FaultList faults)
    {
        var key = entry.Key;
        if (RecipeSchema.FindField(key) is { } field)
        {
            if (field != TopFields.Name)
            {
                return field;
            }

            faults.Add(entry.Origin, "name cannot be in matrix: each variant is named after its values");
        }
        else if (RecipeSchema.Find(key) is { } section)
        {
            var names = entry.Value is MapNode map ? map.Entries.Select(inner => inner.Key).Where(name => section.Find(name) is not null) : [];
            var name = names.FirstOrDefault(section.Fields[0].Name);
            faults.Add(entry.Origin, $"{key} in matrix is a section; write the whole key of a value: {key}.{name}: [A, B]");
        }
        else if (key is RecipeSchema.ExtendsKey or RecipeSchema.MatrixKey)
        {
            faults.Add(entry.Origin, $"{key} cannot be in matrix, which holds values of a recipe such as convert.tensor_parallel");
        }
        else
        {
            faults.Add(entry.Origin, Overrides.Unknown(key, " in matrix"));
        }

        return null;
    }

    private static List<MatrixValue>? ValuesOf(RecipeField field, MapEntry entry, FaultList faults)
    {
        if (entry.Value is not ListNode list)
        {
            if (entry.Value is not UnreadableNode)
            {
                var found = entry.Value is ScalarNode { IsNull: true } ? "has no value" : $"is {entry.Value.Description}";
                faults.Add(entry.Value.Origin, $"{field.Path} in matrix {found}; it must be a list of values, each {field.Wanted}");
            }

            return null;
        }

        if (list.Items.Count < 2)
        {
            faults.Add(list.Origin, list.Items.Count == 0
                ? $"{field.Path} in matrix is an empty list; list its values, or leave the line out"
                : $"{field.Path} in matrix has one value; write it as {Written(field)}, or add another");
        }

        if (list.Items.Count > RecipeLimits.Variants)
        {
            faults.Add(list.Origin, $"{field.Path} in matrix has {list.Items.Count} values; a matrix gives at most {RecipeLimits.Variants} variants");
            return null;
        }

        var values = new List<MatrixValue>();
        foreach (var item in list.Items)
        {
            switch (item)
            {
                case UnreadableNode:
                    break;
                case ScalarNode { IsNull: true }:
                    faults.Add(item.Origin, $"{field.Path} in matrix has an empty value; each must be {field.Wanted}");
                    break;
                case ScalarNode scalar when field.TryRead(scalar, out object? value, out var problem):
                    if (values.Find(other => Equals(other.Value, value)) is { } same)
                    {
                        faults.Add(item.Origin, $"{field.Path} in matrix has the value {Quoting.Clip(same.Text)} twice");
                    }
                    else
                    {
                        values.Add(new MatrixValue(scalar, value!));
                    }

                    break;
                case ScalarNode scalar:
                    field.TryRead(scalar, out object? _, out var fault);
                    faults.Add(item.Origin, $"{field.Path} {fault}");
                    break;
                default:
                    faults.Add(item.Origin, $"{field.Path} in matrix has {item.Description} among its values; each must be {field.Wanted}");
                    break;
            }
        }

        return values;
    }

    private static string Written(RecipeField field) => field.Section.Length == 0 ? $"{field.Name}: VALUE" : $"{field.Section}: {{ {field.Name}: VALUE }}";
}
