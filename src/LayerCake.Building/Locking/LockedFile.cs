namespace LayerCake.Building;

/// <summary>One file of an input.</summary>
/// <param name="Path">Below the input's folder; the name of an input that is a file.</param>
/// <param name="Content">SHA-256 of its bytes.</param>
/// <param name="Size">Length in bytes.</param>
public sealed record LockedFile(RelativePath Path, Digest Content, long Size);
