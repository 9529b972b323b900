namespace LayerCake.Building;

/// <summary>Puts one file of the store in a place for people: beside it first, checked on the way, flushed, then renamed.</summary>
internal sealed class FilePlacer(ArtifactStore store)
{
    /// <exception cref="BuildException">The content is missing or damaged, a folder is in the way, or the file cannot be written.</exception>
    public void Place(TreeEntry.File file, string destination, CancellationToken token)
    {
        if (Directory.Exists(destination))
        {
            throw new BuildException($"cannot write {destination}: it is a folder; move it away");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(destination))!;
        var building = Path.Combine(folder, $".{Path.GetFileName(destination)}.layercake-new-{Guid.NewGuid():n}");
        StorageErrors.Guard("write", destination, () =>
        {
            Directory.CreateDirectory(folder);
            try
            {
                using (var copy = new FileStream(building, FileMode.CreateNew, FileAccess.Write, FileShare.None))
                {
                    if (FileHasher.Hash(store.Layout.Blob(file.Content), copy, token) != file.Content)
                    {
                        throw new BuildException($"cannot write {destination}: its content {file.Content.Short} is damaged in the store; run the build again, its step will run");
                    }

                    copy.Flush(flushToDisk: true);
                }

                File.Move(building, destination, overwrite: true);
                Folders.Flush(folder);
            }
            finally
            {
                File.Delete(building);
            }
        });
    }
}
