using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

/// <summary>A folder with an input, a store and the small build, for one test.</summary>
internal sealed class BuildFixture : IDisposable
{
    // In memory where the system has such a place: hundreds of small stores that flush every file would wait for the disk most of the time.
    private const string Memory = "/dev/shm";

    private readonly string _folder;

    public BuildFixture(bool onDisk = false)
    {
        _folder = !onDisk && Directory.Exists(Memory)
            ? Directory.CreateDirectory(Path.Combine(Memory, $"layercake-test-{Guid.NewGuid():n}")).FullName
            : Directory.CreateTempSubdirectory("layercake-test-").FullName;
        Input = At("input.txt");
        File.WriteAllText(Input, "one two three\n");
        // Long ago, so that the stat cache trusts it.
        File.SetLastWriteTimeUtc(Input, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        RunLog = At("runs.log");
        StoreRoot = At("store");
    }

    public string Input { get; }

    public string RunLog { get; }

    public string StoreRoot { get; }

    /// <summary>The steps that really ran since the last look.</summary>
    public string[] Runs()
    {
        var runs = File.Exists(RunLog) ? File.ReadAllLines(RunLog) : [];
        File.Delete(RunLog);
        return runs;
    }

    public string At(params string[] parts) => Path.Combine([_folder, .. parts]);

    public SmallBuild Build(int scale = 3, string title = "bundle") => new() { Input = Input, RunLog = RunLog, Scale = scale, Title = title };

    public ArtifactStore Open(IFaultHook? faults = null, bool readOnly = false) =>
        ArtifactStore.Open(StoreRoot, new StoreOptions { Faults = faults ?? FaultHook.None, ReadOnly = readOnly, ProgramVersion = "1.2.3" });

    /// <summary>Takes over another fixture's store and placed folder.</summary>
    public void CopyFrom(BuildFixture other)
    {
        using var process = System.Diagnostics.Process.Start("cp", ["-a", other.StoreRoot, other.At("out"), At()]);
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero);
    }

    /// <summary>Plans and runs everything in a store opened anew, as a process of its own would.</summary>
    public async Task<IReadOnlyList<StepResult>> RunAsync(SmallBuild? build = null, string? force = null)
    {
        using var store = Open();
        var plan = BuildPlan.Create(SmallBuild.Recipe, (build ?? Build()).Steps(), store);
        return await new StepRunner(store, SilentReporter.Instance).RunAllAsync(plan, forced: name => name == force);
    }

    public BuildPlan Plan(SmallBuild? build = null)
    {
        using var store = Open(readOnly: true);
        return BuildPlan.Create(SmallBuild.Recipe, (build ?? Build()).Steps(), store);
    }

    public string BlobOf(StepResult result, string path) => BlobOf(result.Tree, path);

    public string BlobOf(StoredTree tree, string path)
    {
        var digest = tree.Entries.OfType<TreeEntry.File>().Single(file => file.Path.Value == path).Content.ToString();
        return Path.Combine(StoreRoot, "cas", "sha256", digest[..2], digest);
    }

    public void Dispose() => Folders.Delete(_folder);
}
