namespace LayerCake.Building;

/// <summary>
/// The key of one step: the digest of every named field that decides its bytes. Two steps with the same key give the same output, so the store
/// keeps one result per key.
/// </summary>
public readonly record struct StepKey(Digest Value)
{
    /// <summary>The first twelve digits, for people.</summary>
    public string Short => Value.Short;

    public override string ToString() => Value.ToString();
}
