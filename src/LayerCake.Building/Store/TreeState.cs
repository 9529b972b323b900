namespace LayerCake.Building;

/// <summary>What a check of a tree's content found.</summary>
/// <param name="Fault">What is wrong, as a sentence without a full stop (<c>blob 3f2a… (config.ini) is missing</c>); null where nothing is.</param>
/// <param name="UnreadBytes">Bytes of content that are there with the right size but were not read since they changed; 0 after a reading check.</param>
public sealed record TreeState(string? Fault, long UnreadBytes);
