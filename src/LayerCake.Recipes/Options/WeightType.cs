namespace LayerCake.Recipes;

/// <summary>The element type of the workspace's weights that are not int4.</summary>
public enum WeightType
{
    /// <summary>bfloat16 for a bfloat16 checkpoint, float16 for every other and for int4 weights.</summary>
    Auto,
    Float16,
    BFloat16,
}
