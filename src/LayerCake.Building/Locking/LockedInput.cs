namespace LayerCake.Building;

/// <summary>Something from outside that a step reads, as it was when the lock was written. Where it lies is not kept.</summary>
/// <param name="Name">What it is to the steps: <c>model</c>, <c>tokenizer</c>, <c>dataset</c>.</param>
/// <param name="Digest">As in the steps' keys: a file's digest, or that of the lines <c>digest  path</c> of a folder's files.</param>
/// <param name="Files">Its files, sorted by path.</param>
public sealed record LockedInput(string Name, Digest Digest, IReadOnlyList<LockedFile> Files);
