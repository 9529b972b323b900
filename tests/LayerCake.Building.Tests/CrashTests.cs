using System.Diagnostics;

namespace LayerCake.Building.Tests;

/// <summary>Kills real processes and compares what is there afterwards with an undisturbed build.</summary>
public sealed class CrashTests
{
    private const int Killed = 128 + 9;

    // The small build's steps are too short to keep parts of.
    private static readonly IReadOnlyList<string> Points =
        [.. FaultPoints.Build.Except([FaultPoints.PartWritten, FaultPoints.PartPublished, FaultPoints.PartRemoved])];

    // What each point is passed at least this often in the build below: at the first, a middle and the last passing the state on the disk differs.
    private static IEnumerable<string> Faults()
    {
        foreach (var point in Points)
        {
            yield return point;
        }

        yield return $"{FaultPoints.BlobPublished}:3";
        yield return $"{FaultPoints.RecordWritten}:3";
        yield return $"{FaultPoints.RecordPublished}:2";
        yield return $"{FaultPoints.LatestWritten}:2";
        yield return $"{FaultPoints.PlaceFile}:4";
        yield return $"{FaultPoints.StatCacheWritten}:3";
    }

    // An older package stands where the new one shall be placed.
    private BuildFixture _older = null!;
    private BuildFixture _undisturbed = null!;

    [OneTimeSetUp]
    public async Task BuildUndisturbed()
    {
        _older = new BuildFixture();
        await PlaceAsync(_older, scale: 2);
        _undisturbed = new BuildFixture();
        _undisturbed.CopyFrom(_older);
        await PlaceAsync(_undisturbed, scale: 2);
        await PlaceAsync(_undisturbed, scale: 3);
    }

    [OneTimeTearDown]
    public void RemoveFolders()
    {
        _older.Dispose();
        _undisturbed.Dispose();
    }

    [TestCaseSource(nameof(Faults))]
    public async Task A_build_killed_at_any_point_and_run_again_gives_the_bytes_of_an_undisturbed_one(string fault)
    {
        using var fixture = new BuildFixture();
        fixture.CopyFrom(_older);
        await PlaceAsync(fixture, scale: 2);
        var before = Disk.Describe(fixture.At("out"));
        var complete = Disk.Describe(_undisturbed.At("out"));

        var killed = await ChildProcess.RunAsync(
            fixture, fault, [$"place={fixture.At("out")}", .. fault == FaultPoints.PlaceMovedAside ? new[] { "exchange=no" } : []]);

        Assert.That(killed.ExitCode, Is.EqualTo(Killed), killed.Output);
        Assert.That(
            Directory.Exists(fixture.At("out")) ? Disk.Describe(fixture.At("out")) : null,
            Is.EqualTo(before).Or.EqualTo(complete).Or.Null,
            "the package is the old one, the new one, or absent");

        await PlaceAsync(fixture, scale: 3);

        Assert.That(Disk.DescribeStore(fixture.StoreRoot), Is.EqualTo(Disk.DescribeStore(_undisturbed.StoreRoot)));
        Assert.That(Disk.Describe(fixture.At("out")), Is.EqualTo(complete));
        Assert.That(Directory.EnumerateFileSystemEntries(fixture.At(), ".*"), Is.Empty, "nothing is left beside the package");
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(fixture.StoreRoot, "tmp")), Is.Empty, "nothing temporary is left");
    }

    [Test]
    public async Task Every_point_is_passed_by_a_build()
    {
        using var fixture = new BuildFixture();
        var passed = new Recorder();
        using var store = fixture.Open(passed);
        var first = await new StepRunner(store, SilentReporter.Instance).RunAllAsync(BuildPlan.Create("r", fixture.Build().Steps(), store));
        await store.PlaceAsync(first[0].Tree, fixture.At("out"));
        await store.PlaceAsync(first[2].Tree, fixture.At("out"), new PlaceOptions { Exchange = false });

        Assert.That(passed.Points, Is.EquivalentTo(Points));
    }

    [TestCase("nowhere", "no such point; the points are lock.taken, ")]
    [TestCase("lock.taken:0", "a number from 1")]
    [TestCase("lock.taken:x", "a number from 1")]
    public void A_fault_that_means_nothing_is_refused(string value, string message) =>
        Assert.That(() => FaultHook.Parse(value), Throws.InstanceOf<BuildException>().With.Message.Contains(message));

    [Test]
    public void No_value_is_no_fault()
    {
        Assert.That(FaultHook.Parse(null), Is.SameAs(FaultHook.None));
        Assert.That(FaultHook.Parse(""), Is.SameAs(FaultHook.None));
    }

    [Test]
    public async Task Two_processes_at_once_run_each_step_once_and_both_succeed()
    {
        using var fixture = new BuildFixture();
        File.WriteAllText(fixture.At("gate"), "");
        using var first = ChildProcess.Start(fixture, null, $"gate={fixture.At("gate")}");
        await ChildProcess.UntilAsync(() => File.Exists(fixture.RunLog), "the first process runs its first step");
        using var second = ChildProcess.Start(fixture, null, $"gate={fixture.At("gate")}");
        var line = await second.StandardOutput.ReadLineAsync();

        File.Delete(fixture.At("gate"));
        var results = await Task.WhenAll(ChildProcess.EndAsync(first), ChildProcess.EndAsync(second));

        Assert.That(line, Does.Match($"^waiting for numbers: (unknown|process {first.Id} on .*)$"));
        Assert.That(results.Select(result => result.ExitCode), Is.All.Zero, results[0].Output + results[1].Output);
        Assert.That(fixture.Runs(), Is.EquivalentTo(new[] { "numbers", "sums", "bundle" }));
    }

    [Test]
    public async Task The_lock_of_a_killed_process_is_free_and_the_one_that_waited_goes_on()
    {
        using var fixture = new BuildFixture();
        File.WriteAllText(fixture.At("gate"), "");
        using var first = ChildProcess.Start(fixture, null, $"gate={fixture.At("gate")}");
        await ChildProcess.UntilAsync(() => File.Exists(fixture.RunLog), "the first process runs its first step");
        using var second = ChildProcess.Start(fixture, null);
        var line = await second.StandardOutput.ReadLineAsync();

        first.Kill();
        var result = await ChildProcess.EndAsync(second);

        Assert.That(line, Does.StartWith("waiting for numbers: "));
        Assert.That(result.ExitCode, Is.Zero, result.Output);
        Assert.That(result.Output, Does.Contain("numbers: Ran"));
    }

    [Test]
    public async Task A_process_whose_parent_is_killed_is_told()
    {
        using var fixture = new BuildFixture();
        var start = new ProcessStartInfo("dotnet");
        start.ArgumentList.Add(ChildProcess.Host);
        start.ArgumentList.Add($"start={fixture.At("watching")}");
        using var parent = Process.Start(start)!;
        await ChildProcess.UntilAsync(() => File.Exists(fixture.At("watching")), "the child is up");

        parent.Kill();

        await ChildProcess.UntilAsync(() => !File.Exists(fixture.At("watching")), "the child noticed");
        Assert.That(File.Exists(fixture.At("watching")), Is.False);
    }

    private static async Task PlaceAsync(BuildFixture fixture, int scale)
    {
        var results = await fixture.RunAsync(fixture.Build(scale));
        using var store = fixture.Open();
        await store.PlaceAsync(results[2].Tree, fixture.At("out"));
    }

    private sealed class Recorder : IFaultHook
    {
        private readonly HashSet<string> _points = [];

        public IReadOnlyCollection<string> Points => _points;

        public void Pass(string point)
        {
            lock (_points)
            {
                _points.Add(point);
            }
        }
    }
}
