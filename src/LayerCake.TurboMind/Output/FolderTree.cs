namespace LayerCake.TurboMind;

/// <summary>Walks a folder without following links: a workspace links to its own folders several times.</summary>
internal static class FolderTree
{
    /// <summary>Relative paths, with forward slashes, of the regular files at any depth.</summary>
    public static IEnumerable<string> RegularFiles(string folder) => Walk(new DirectoryInfo(folder), "");

    private static IEnumerable<string> Walk(DirectoryInfo folder, string prefix)
    {
        foreach (var entry in folder.EnumerateFileSystemInfos().Where(entry => entry.LinkTarget is null))
        {
            if (entry is DirectoryInfo child)
            {
                foreach (var path in Walk(child, $"{prefix}{child.Name}/"))
                {
                    yield return path;
                }
            }
            else
            {
                yield return prefix + entry.Name;
            }
        }
    }
}
