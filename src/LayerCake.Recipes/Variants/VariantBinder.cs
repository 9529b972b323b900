using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>Makes a recipe of every combination of a matrix, and checks each as if it had been written by hand.</summary>
internal sealed class VariantBinder(RecipeMatrix matrix, Func<RecipeOrigin> origin, FaultList faults)
{
    /// <summary>The variants in the order of the matrix; complete only when <c>faults</c> is empty.</summary>
    public IReadOnlyList<RecipeVariant> Bind(MapNode root)
    {
        var combinations = matrix.Combinations(faults);
        var names = NamesOf(root, combinations);
        var variants = new List<RecipeVariant>();
        var found = new List<(int Variant, RecipeFault Fault)>();
        for (var i = 0; i < combinations.Count; i++)
        {
            var own = new FaultList { IsPartial = faults.IsPartial, Earlier = faults };
            if (Bind(root, combinations[i], names?[i], own) is { } recipe)
            {
                variants.Add(new RecipeVariant(recipe, [.. matrix.Axes.Zip(combinations[i], (axis, value) => KeyValuePair.Create(axis.Field.Path, value.Text))]));
            }

            found.AddRange(own.Found.Select(fault => (i, fault)));
        }

        foreach (var same in found.GroupBy(each => each.Fault, each => each.Variant))
        {
            var count = same.Count();
            faults.Add(count == combinations.Count || names is null ? same.Key : same.Key with { Message = $"{same.Key.Message} (in the variant {names[same.First()]}{AndOthers(count - 1)})" });
        }

        return variants;
    }

    private static string AndOthers(int count) => count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" and {count} more");

    private Recipe? Bind(MapNode root, IReadOnlyList<MatrixValue> values, string? name, FaultList own)
    {
        var copy = root.Clone();
        for (var i = 0; i < values.Count; i++)
        {
            var axis = matrix.Axes[i];
            Overrides.Put(copy, axis.Field, axis.Origin, values[i].Node);
        }

        if (name is not null && copy.Find(TopFields.Name.Name) is { } entry)
        {
            copy.Set(entry with { Value = new ScalarNode(entry.Value.Origin, name, ScalarStyle.Quoted) });
        }

        var places = origin();
        if (matrix.Origin.File is not null)
        {
            places.Add(RecipeSchema.MatrixKey, matrix.Origin);
        }

        return RecipeBinder.Bind(copy, places, own);
    }

    /// <summary>Null where there is no matrix, or no name that can be read to begin with.</summary>
    private IReadOnlyList<string>? NamesOf(MapNode root, IReadOnlyList<IReadOnlyList<MatrixValue>> combinations) =>
        matrix.Axes.Count > 0 && root.Find(TopFields.Name.Name)?.Value is ScalarNode { IsNull: false } scalar && TopFields.Name.TryRead(scalar, out string name, out _)
            ? VariantNames.Of(name, matrix.Axes, combinations)
            : null;
}
