namespace LayerCake.Building;

/// <summary>What placing a tree did.</summary>
public enum PlaceOutcome
{
    /// <summary>The destination held exactly the tree already; nothing was touched.</summary>
    Untouched,

    /// <summary>The destination is new or was replaced.</summary>
    Placed,
}
