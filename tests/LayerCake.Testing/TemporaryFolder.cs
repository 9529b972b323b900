namespace LayerCake.Testing;

/// <summary>A folder of one test's own, removed with all its content at the end, read-only files included.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const string Memory = "/dev/shm";
    private const string Prefix = "layercake-test-";

    private static bool s_inMemory;

    public TemporaryFolder(bool onDisk = false) => Path = s_inMemory && !onDisk
        ? Directory.CreateDirectory(System.IO.Path.Combine(Memory, $"{Prefix}{Guid.NewGuid():n}")).FullName
        : Directory.CreateTempSubdirectory(Prefix).FullName;

    /// <summary>
    /// From now on the folders of this process lie in memory, where the system has room for them there: builds that flush every file would wait for the disk half of their time.
    /// </summary>
    public static void UseMemory() => s_inMemory = Directory.Exists(Memory) && new DriveInfo(Memory).AvailableFreeSpace > 4L << 30;

    public string Path { get; }

    /// <summary>The path of <paramref name="parts"/> below this folder; nothing is created.</summary>
    public string At(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose()
    {
        if (!OperatingSystem.IsWindows())
        {
            foreach (var folder in Directory.EnumerateDirectories(Path, "*", SearchOption.AllDirectories).Prepend(Path))
            {
                if (new DirectoryInfo(folder).LinkTarget is null)
                {
                    File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                }
            }
        }

        Directory.Delete(Path, recursive: true);
    }
}
