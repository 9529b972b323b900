namespace LayerCake.Testing;

/// <summary>A folder of one test's own, removed with all its content at the end, read-only files included.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("layercake-test-").FullName;

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
