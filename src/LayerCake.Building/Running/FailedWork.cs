namespace LayerCake.Building;

/// <summary>Keeps what a failed step had written, for whoever looks for the reason.</summary>
internal static class FailedWork
{
    /// <summary>Moves the step's output and work folders out of the store, over those of an earlier failure of the same key.</summary>
    /// <returns>The folder; null where it could not be kept, which was said.</returns>
    public static string? Keep(StepContext context, PlannedStep planned, string parent, IBuildReporter reporter)
    {
        var folder = Path.Combine(Path.GetFullPath(parent), $"{planned.Name}-{planned.Key.Short}");
        try
        {
            Folders.Delete(folder);
            Directory.CreateDirectory(folder);
            Directory.Move(context.OutputFolder, Path.Combine(folder, "output"));
            Directory.Move(context.WorkFolder, Path.Combine(folder, "work"));
            return folder;
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            reporter.Warn($"what {planned.Name} had written could not be kept in {folder}: {exception.Message.TrimEnd('.')}");
            return null;
        }
    }
}
