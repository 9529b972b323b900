namespace LayerCake.Building;

/// <summary>How a tree is placed in a folder for people.</summary>
public sealed record PlaceOptions
{
    public static PlaceOptions Default { get; } = new();

    /// <summary>
    /// Whether a folder that is there but was not placed by this store may be replaced. Off, it is refused unless it already holds exactly the tree.
    /// </summary>
    public bool ReplaceUnknown { get; init; }

    /// <summary>
    /// Whether files may be second names of the store's own instead of copies. Saves space and time, but whoever then writes into such a file
    /// also writes into the store, which notices it at the next use and builds again. Files of a link are read-only.
    /// </summary>
    public bool HardLinks { get; init; }

    /// <summary>Told when another process is placing at the same destination.</summary>
    public Action<LockOwner?>? Waiting { get; init; }

    /// <summary>Whether the system's exchange of two folders may be used; off, the way of systems without it is taken.</summary>
    internal bool Exchange { get; init; } = true;
}
