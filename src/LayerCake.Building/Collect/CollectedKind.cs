namespace LayerCake.Building;

/// <summary>What a collection can remove.</summary>
public enum CollectedKind
{
    /// <summary>A result: its record, and the content that no other result shares.</summary>
    Result,

    /// <summary>The finished parts of an interrupted step.</summary>
    Parts,

    /// <summary>Content that no record names.</summary>
    Content,

    /// <summary>A record that cannot be read, content whose digest was wrong, what a dead build left.</summary>
    Rubbish,
}
