using LayerCake.Building;

namespace LayerCake.Cli.Commands;

/// <summary>Puts the one file of the archive step beside the package's folder: complete or not at all.</summary>
internal static class ArchivePlacement
{
    /// <summary>Whether the file is there with the content of the step's result; known from the stat cache where it was hashed before.</summary>
    public static bool IsPlaced(ArtifactStore store, StoredTree tree, string destination, CancellationToken token) =>
        File.Exists(destination) && new FileInfo(destination).Length == tree.TotalBytes && store.Stats.DigestOf(destination, token) == FileOf(tree).Content;

    /// <exception cref="BuildException">A folder is in the way, or the file cannot be written.</exception>
    public static void Place(ArtifactStore store, StoredTree tree, string destination, CancellationToken token)
    {
        if (!IsPlaced(store, tree, destination, token))
        {
            store.PlaceFile(FileOf(tree), destination, token);
        }
    }

    private static TreeEntry.File FileOf(StoredTree tree) => tree.Entries.OfType<TreeEntry.File>().Single();
}
