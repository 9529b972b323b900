namespace LayerCake.Checkpoints;

/// <summary>Lists folders with errors that name them.</summary>
internal static class FolderFiles
{
    /// <summary>Full paths of the files directly in <paramref name="folder"/>, sorted by name (ordinal).</summary>
    public static IReadOnlyList<string> Of(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder).OrderBy(Path.GetFileName, StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{folder} cannot be listed: {exception.Message}", exception);
        }
    }
}
