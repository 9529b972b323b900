namespace LayerCake.Building;

/// <summary>One thing in a tree: a file, a symbolic link within the tree, or an empty folder.</summary>
public abstract record TreeEntry(RelativePath Path)
{
    /// <param name="Path">Where it is in the tree.</param>
    /// <param name="Content">SHA-256 of its bytes.</param>
    /// <param name="Size">Length in bytes.</param>
    /// <param name="Executable">Whether its owner may run it; other permissions are not kept.</param>
    public sealed record File(RelativePath Path, Digest Content, long Size, bool Executable) : TreeEntry(Path);

    /// <param name="Path">Where it is in the tree.</param>
    /// <param name="Target">What it points to, relative to its own folder, and within the tree: <c>../../weights</c>.</param>
    public sealed record Link(RelativePath Path, string Target) : TreeEntry(Path);

    /// <summary>An empty folder; others follow from their content.</summary>
    public sealed record Folder(RelativePath Path) : TreeEntry(Path);
}
