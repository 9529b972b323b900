namespace LayerCake.Reconstruction;

/// <summary>The ranges that are tried for a group.</summary>
/// <param name="Steps">How many smaller ranges; 0 for the whole range alone.</param>
/// <param name="Least">The smallest part of the range.</param>
/// <param name="Refinements">How often scale and zero point are then improved for the codes they gave.</param>
internal readonly record struct ClippingGrid(int Steps, float Least, int Refinements)
{
    /// <summary>The whole range.</summary>
    public static ClippingGrid None => default;
}
