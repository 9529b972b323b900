namespace LayerCake.Building;

/// <summary>Something that a collection removes.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">For people: <c>calibrate 3f2a…</c>, a digest, a file's name.</param>
/// <param name="Key">The step it belongs to, where it belongs to one.</param>
/// <param name="Bytes">What goes with it: content that another result shares does not.</param>
/// <param name="Reason">Why, for people.</param>
public sealed record CollectedItem(CollectedKind Kind, string Name, StepKey? Key, long Bytes, string Reason)
{
    /// <summary>Where rubbish and parts lie.</summary>
    internal string? Path { get; init; }

    /// <summary>Which content, where it is content.</summary>
    internal Digest? Content { get; init; }

    /// <summary>When it was used last; a result that is used after the decision stays.</summary>
    internal DateTimeOffset LastUsed { get; init; }
}
