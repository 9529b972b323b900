namespace LayerCake.Building;

/// <summary>What went into or came out of an archive of results.</summary>
/// <param name="Results">How many results.</param>
/// <param name="Contents">How many files of content.</param>
/// <param name="Bytes">Bytes of those.</param>
/// <param name="Present">How many of the results were in the store already; 0 for an export.</param>
public sealed record ArchiveReport(int Results, int Contents, long Bytes, int Present);
