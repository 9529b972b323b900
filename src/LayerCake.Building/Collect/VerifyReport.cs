namespace LayerCake.Building;

/// <summary>What a verification found.</summary>
/// <param name="Contents">How many files of content were read.</param>
/// <param name="Bytes">How many bytes they have.</param>
/// <param name="Damaged">Content whose digest is wrong, now in the quarantine; sorted.</param>
/// <param name="RemovedRecords">Records that were removed, with the reason: <c>convert 3f2a…: content 81bc… is missing</c>.</param>
public sealed record VerifyReport(int Contents, long Bytes, IReadOnlyList<Digest> Damaged, IReadOnlyList<string> RemovedRecords)
{
    public bool IsSound => Damaged.Count == 0 && RemovedRecords.Count == 0;
}
