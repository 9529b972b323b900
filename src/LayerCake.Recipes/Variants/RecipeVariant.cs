namespace LayerCake.Recipes;

/// <summary>One recipe of a file: the only one, or one combination of its matrix.</summary>
/// <param name="Recipe">Complete and checked; the same as one that was written out by hand. Its name is the variant's.</param>
/// <param name="Values">
/// What makes it differ from the others, as a recipe would write it, in the order of the matrix: <c>convert.tensor_parallel</c>, <c>2</c>. Empty where
/// there is no matrix.
/// </param>
public sealed record RecipeVariant(Recipe Recipe, IReadOnlyList<KeyValuePair<string, string>> Values)
{
    /// <summary>Names the variant and its output folder.</summary>
    public string Name => Recipe.Name;
}
