namespace LayerCake.Checkpoints;

/// <summary>Lists folders with errors that name them.</summary>
internal static class FolderFiles
{
    /// <summary>
    /// Full paths of the files directly in <paramref name="folder"/>, sorted by name (ordinal). Names that begin with a dot are left out, as globs do: they are
    /// what systems and editors leave behind (<c>._model.safetensors</c>), not parts of a model.
    /// </summary>
    public static IReadOnlyList<string> Of(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder).Where(file => Path.GetFileName(file)[0] != '.').OrderBy(Path.GetFileName, StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{folder} cannot be listed: {exception.Message}", exception);
        }
    }
}
