namespace LayerCake.Recipes;

/// <summary>One line of a matrix: a key of the recipe and the values that it takes.</summary>
/// <param name="Field">Whose values.</param>
/// <param name="Origin">Where the key stands.</param>
/// <param name="Listed">The values of the file, each legal alone, no two the same.</param>
/// <param name="Chosen">Those that variants are made of: all, or the one of an argument.</param>
internal sealed record MatrixAxis(RecipeField Field, Origin Origin, IReadOnlyList<MatrixValue> Listed, IReadOnlyList<MatrixValue> Chosen);

/// <param name="Node">The value as it was written, with its place.</param>
/// <param name="Value">What it was read as.</param>
internal sealed record MatrixValue(ScalarNode Node, object Value)
{
    /// <summary>As it was written, quotes apart.</summary>
    public string Text => Node.Text;
}
