namespace LayerCake.Building;

/// <summary>The disk that a folder is on.</summary>
internal static class Volume
{
    /// <summary>How many bytes this user may still write there; null where the system does not say.</summary>
    /// <param name="folder">Need not exist; then the nearest folder above it counts.</param>
    public static long? FreeBytes(string folder)
    {
        try
        {
            for (var path = folder; path is not null; path = Path.GetDirectoryName(path))
            {
                if (Directory.Exists(path))
                {
                    return new DriveInfo(path).AvailableFreeSpace;
                }
            }
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception) || exception is ArgumentException)
        {
            // A network path on Windows, say.
        }

        return null;
    }
}
