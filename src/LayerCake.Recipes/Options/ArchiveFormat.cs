namespace LayerCake.Recipes;

/// <summary>The file that the package is also put into, beside its folder.</summary>
public enum ArchiveFormat
{
    /// <summary>No file.</summary>
    None,

    /// <summary>A tar archive.</summary>
    Tar,

    /// <summary>A tar archive, compressed with zstd.</summary>
    TarZst,
}
