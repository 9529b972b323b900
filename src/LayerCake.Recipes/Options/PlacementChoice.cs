namespace LayerCake.Recipes;

/// <summary>How a finished workspace gets into its folder.</summary>
public enum PlacementChoice
{
    /// <summary>Files of its own, which can be changed.</summary>
    Copy,

    /// <summary>Second names of the store's files: no time and no space, but nothing may write into them.</summary>
    Link,
}
