using CsCheck;

namespace LayerCake.Recipes.Tests;

internal static class AnyOf
{
    /// <summary>Draws one of <paramref name="values"/>.</summary>
    public static Gen<T> These<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);
}
