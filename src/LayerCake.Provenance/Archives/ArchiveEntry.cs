namespace LayerCake.Provenance;

/// <summary>Something that goes into an archive.</summary>
/// <param name="Path">Relative, with forward slashes.</param>
public abstract record ArchiveEntry(string Path)
{
    /// <param name="Path">Where it is in the archive.</param>
    /// <param name="Source">The file with its bytes.</param>
    /// <param name="Size">Its length.</param>
    /// <param name="Executable">Whether it may be run.</param>
    public sealed record File(string Path, string Source, long Size, bool Executable) : ArchiveEntry(Path);

    /// <param name="Path">Where it is in the archive.</param>
    /// <param name="Target">What it points to.</param>
    public sealed record Link(string Path, string Target) : ArchiveEntry(Path);

    /// <param name="Path">A folder; those above a file need not be named.</param>
    public sealed record Folder(string Path) : ArchiveEntry(Path);
}
