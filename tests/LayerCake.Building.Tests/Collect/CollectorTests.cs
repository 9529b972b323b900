using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

/// <summary>What a collection removes, keeps, and leaves behind when it is killed.</summary>
public sealed class CollectorTests
{
    private static readonly CollectLimits Nothing = new() { MaxBytes = 0 };

    [Test]
    public async Task The_least_recently_used_go_first_and_never_before_what_was_made_from_them()
    {
        using var fixture = new BuildFixture();
        var old = await fixture.RunAsync(fixture.Build(scale: 2));
        var recent = await fixture.RunAsync(fixture.Build(scale: 3));
        SetUse(fixture, old, days: 9);
        SetUse(fixture, recent, days: 1);
        // The first step of the old build was not used for longer, but what was made from it was.
        SetUse(fixture, [old[0]], days: 20);
        using var store = fixture.Open();

        var report = await new Collector(store).CollectAsync(Nothing, [], dryRun: true);

        Assert.That(
            report.Removed.Select(item => item.Key),
            Is.EqualTo(new StepKey?[] { old[2].Key, old[1].Key, old[0].Key, recent[2].Key, recent[1].Key, recent[0].Key }));
        Assert.That(report.Removed[0].Reason, Is.EqualTo("the store is too large; not used for 9 days"));
    }

    [Test]
    public async Task A_dry_run_gives_the_numbers_of_the_real_one_and_changes_nothing()
    {
        using var fixture = new BuildFixture();
        SetUse(fixture, await fixture.RunAsync(fixture.Build(scale: 2)), days: 9);
        SetUse(fixture, await fixture.RunAsync(fixture.Build(scale: 3)), days: 1);
        var before = Disk.Describe(fixture.StoreRoot);
        var limits = new CollectLimits { KeepFor = TimeSpan.FromDays(5) };

        CollectReport dry;
        using (var reader = fixture.Open(readOnly: true))
        {
            dry = await new Collector(reader).CollectAsync(limits, [], dryRun: true);
        }

        Assert.That(Disk.Describe(fixture.StoreRoot), Is.EqualTo(before));
        using var store = fixture.Open();
        var sizeBefore = Size(fixture);
        var real = await new Collector(store).CollectAsync(limits, []);

        Assert.That(real.Removed, Is.EqualTo(dry.Removed));
        Assert.That((real.BytesBefore, real.BytesFreed, real.Kept), Is.EqualTo((dry.BytesBefore, dry.BytesFreed, dry.Kept)));
        Assert.That(real.Removed, Has.Count.EqualTo(3));
        Assert.That(sizeBefore - Size(fixture), Is.EqualTo(real.BytesFreed));
    }

    [Test]
    public async Task Content_that_a_kept_result_shares_stays_and_builds_work_afterwards()
    {
        using var fixture = new BuildFixture();
        var old = await fixture.RunAsync(fixture.Build(scale: 2));
        var recent = await fixture.RunAsync(fixture.Build(scale: 3));
        SetUse(fixture, old, days: 9);
        using (var store = fixture.Open())
        {
            await new Collector(store).CollectAsync(new CollectLimits { KeepFor = TimeSpan.FromDays(5) }, []);
        }

        fixture.Runs();
        Assert.That((await fixture.RunAsync(fixture.Build(scale: 3))).Select(result => result.Outcome), Is.All.EqualTo(StepOutcome.Cached), "part 0.txt is the same in both");
        Assert.That(fixture.Plan(fixture.Build(scale: 2)).Steps.Select(step => step.Outcome), Is.All.EqualTo(PlannedOutcome.Miss));
        Assert.That((await fixture.RunAsync(fixture.Build(scale: 2))).Select(result => result.Tree.Digest), Is.EqualTo(old.Select(result => result.Tree.Digest)));
        Assert.That(recent, Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_hit_counts_as_a_use()
    {
        using var fixture = new BuildFixture();
        var old = await fixture.RunAsync(fixture.Build(scale: 2));
        SetUse(fixture, old, days: 9);

        await fixture.RunAsync(fixture.Build(scale: 2));

        using var store = fixture.Open();
        Assert.That((await new Collector(store).CollectAsync(new CollectLimits { KeepFor = TimeSpan.FromDays(5) }, [], dryRun: true)).Removed, Is.Empty);
    }

    [Test]
    public async Task What_lock_records_name_stays_and_is_told_where_a_limit_is_missed()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        SetUse(fixture, results, days: 9);
        using var store = fixture.Open();

        var report = await new Collector(store).CollectAsync(Nothing, [results[0].Key, results[1].Key]);

        Assert.That(report.Removed.Select(item => item.Key), Is.EqualTo(new StepKey?[] { results[2].Key }));
        Assert.That(report.HeldBytes, Is.EqualTo(report.BytesAfter).And.GreaterThan(0));
        Assert.That(fixture.Plan()["sums"].Outcome, Is.EqualTo(PlannedOutcome.Hit));
    }

    [Test]
    public async Task What_a_running_build_has_pinned_stays_until_it_ends()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        SetUse(fixture, results, days: 9);
        using var collecting = fixture.Open();
        using (var building = fixture.Open())
        {
            await building.Pins.AddAsync(results.Select(result => result.Key), CancellationToken.None);

            var report = await new Collector(collecting).CollectAsync(Nothing, []);

            Assert.That(report.Removed, Is.Empty);
            Assert.That(StoreListing.Take(collecting, [results[0].Key]).Results.Select(result => (result.IsPinned, result.IsRoot)), Has.Exactly(1).EqualTo((true, true)).And.Exactly(2).EqualTo((true, false)));
        }

        Assert.That((await new Collector(collecting).CollectAsync(Nothing, [])).Removed, Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_build_pins_its_whole_plan_before_it_looks_anything_up()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        using var other = fixture.Open();
        HashSet<StepKey> seen = [];
        var steps = fixture.Build().Steps().ToList();
        steps.Add(new SmallStep
        {
            Name = "looks",
            Action = (context, token) =>
            {
                seen = other.Pins.Read();
                return Task.CompletedTask;
            },
        });
        var plan = BuildPlan.Create("r", steps, store);

        await new StepRunner(store, SilentReporter.Instance).RunAsync(plan, "looks");

        Assert.That(seen, Is.EquivalentTo(plan.Steps.Select(step => step.Key)));
    }

    [Test]
    public async Task The_pins_of_a_killed_build_hold_nothing()
    {
        using var fixture = new BuildFixture();
        SetUse(fixture, await fixture.RunAsync(), days: 9);
        var killed = await ChildProcess.RunAsync(fixture, FaultPoints.StepStarted, "scale=2");
        Assert.That(killed.ExitCode, Is.EqualTo(128 + 9), killed.Output);
        using var store = fixture.Open();

        var report = await new Collector(store).CollectAsync(Nothing, []);

        Assert.That(report.Removed.Count(item => item.Kind == CollectedKind.Result), Is.EqualTo(3));
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(fixture.StoreRoot, "tmp")), Is.Empty);
    }

    [Test]
    public async Task What_was_used_a_moment_ago_stays_in_any_case()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();
        using var store = fixture.Open();

        var report = await new Collector(store).CollectAsync(Nothing, []);

        Assert.That(report.Removed, Is.Empty, "Cake's steps are processes, and between two of them nobody pins");
        Assert.That(report.HeldBytes, Is.GreaterThan(0));
    }

    [Test]
    public async Task Rubbish_goes_with_any_collection_but_nothing_young()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        File.Delete(RecordOf(fixture, results[2]));
        Directory.CreateDirectory(Path.Combine(fixture.StoreRoot, "quarantine"));
        File.WriteAllText(Path.Combine(fixture.StoreRoot, "quarantine", "x"), "bad");
        File.WriteAllText(RecordOf(fixture, results[1]), "{");
        using (var now = fixture.Open())
        {
            var young = await new Collector(now).CollectAsync(new CollectLimits(), []);
            Assert.That(young.Removed.Select(item => item.Reason), Is.EqualTo(new[] { "a damaged record" }));
        }

        using var later = ArtifactStore.Open(fixture.StoreRoot, new StoreOptions { Time = new LaterTime(TimeSpan.FromHours(2)) });
        var report = await new Collector(later).CollectAsync(new CollectLimits(), []);

        Assert.That(report.Removed.Select(item => item.Reason), Is.SupersetOf(new[] { "content with a wrong digest", "no result has it" }));
        Assert.That(report.Removed.Select(item => item.Kind), Has.None.EqualTo(CollectedKind.Result));
        Assert.That(StoreListing.Take(later, []).UnnamedBytes, Is.Zero);
        Assert.That(fixture.Plan()["numbers"].Outcome, Is.EqualTo(PlannedOutcome.Hit));
    }

    [Test]
    public async Task A_result_without_its_content_goes_and_a_full_disk_is_a_limit()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        SetUse(fixture, results, days: 9);
        File.Delete(fixture.BlobOf(results[1], "sum"));
        using var store = fixture.Open();

        var report = await new Collector(store).CollectAsync(new CollectLimits { MinFreeBytes = long.MaxValue }, []);

        Assert.That(report.Removed[0].Reason, Does.Match("^content [0-9a-f]{12} is missing$"));
        Assert.That(report.Removed[1].Reason, Is.EqualTo("the disk is too full; not used for 9 days"));
        Assert.That(report.Kept, Is.Zero);
    }

    [Test]
    public async Task Parts_go_when_their_step_is_done_or_they_are_old_and_not_while_it_runs()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var keys = new[] { results[0].Key.Value, Digest.Of("old"), Digest.Of("young"), Digest.Of("running") };
        foreach (var (key, days) in keys.Zip([0, 40, 0, 40]))
        {
            var folder = Directory.CreateDirectory(Path.Combine(fixture.StoreRoot, "parts", key.ToString()));
            File.WriteAllText(Path.Combine(folder.FullName, "part"), "layer");
            File.SetLastWriteTimeUtc(Path.Combine(folder.FullName, "part"), DateTime.UtcNow.AddDays(-days));
        }

        using var running = fixture.Open();
        await running.Pins.AddAsync([new StepKey(keys[3])], CancellationToken.None);
        using var store = fixture.Open();
        var report = await new Collector(store).CollectAsync(new CollectLimits(), []);

        Assert.That(report.Removed.Select(item => (item.Kind, item.Key!.Value.Value)), Is.EquivalentTo(new[] { (CollectedKind.Parts, keys[0]), (CollectedKind.Parts, keys[1]) }));
        Assert.That(Directory.EnumerateDirectories(Path.Combine(fixture.StoreRoot, "parts")).Select(Path.GetFileName), Is.EquivalentTo(new[] { keys[2].ToString(), keys[3].ToString() }));
    }

    [TestCase(FaultPoints.CollectRecord)]
    [TestCase($"{FaultPoints.CollectRecord}:2")]
    [TestCase(FaultPoints.CollectBlob)]
    [TestCase($"{FaultPoints.CollectBlob}:3")]
    [TestCase(FaultPoints.CollectParts)]
    public async Task A_collection_killed_anywhere_leaves_a_store_that_builds_right(string fault)
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        SetUse(fixture, results, days: 9);
        var complete = Disk.DescribeStore(fixture.StoreRoot);
        var parts = Directory.CreateDirectory(Path.Combine(fixture.StoreRoot, "parts", results[0].Key.ToString()));
        File.WriteAllText(Path.Combine(parts.FullName, "part"), "layer");

        var killed = await ChildProcess.RunAsync(fixture, fault, "gc=");
        Assert.That(killed.ExitCode, Is.EqualTo(128 + 9), killed.Output);

        var planned = fixture.Plan().Steps.Select(step => step.Outcome).ToList();
        var again = await fixture.RunAsync();
        Assert.That(again.Select(result => result.Outcome == StepOutcome.Cached), Is.EqualTo(planned.Select(outcome => outcome == PlannedOutcome.Hit)));
        Assert.That(again.Select(result => result.Tree.Digest), Is.EqualTo(results.Select(result => result.Tree.Digest)));
        Assert.That(Disk.DescribeStore(fixture.StoreRoot), Is.EqualTo(complete));
        SharedFixture.AssertSound(fixture);
    }

    [Test]
    public async Task Builds_do_not_fail_while_everything_is_collected_again_and_again()
    {
        using var fixture = new BuildFixture();
        using var done = new CancellationTokenSource();
        // An hour ahead, so that neither the grace nor the age of content protects anything.
        var collecting = Task.Run(async () =>
        {
            var rounds = 0;
            while (!done.IsCancellationRequested)
            {
                using var store = ArtifactStore.Open(fixture.StoreRoot, new StoreOptions { Time = new LaterTime(TimeSpan.FromHours(3)) });
                await new Collector(store).CollectAsync(Nothing, []);
                rounds++;
            }

            return rounds;
        });
        try
        {
            for (var i = 0; i < 12; i++)
            {
                var results = await Task.WhenAll(fixture.RunAsync(fixture.Build(scale: 1 + i % 3)), fixture.RunAsync(fixture.Build(scale: 1 + i % 3, title: $"{i}")));
                Assert.That(results.Select(result => result.Count), Is.All.EqualTo(3));
            }
        }
        finally
        {
            await done.CancelAsync();
        }

        Assert.That(await collecting, Is.GreaterThan(0));
        Assert.That((await fixture.RunAsync()).Select(result => result.Tree.FileCount), Is.All.GreaterThan(0));
    }

    [Test]
    public async Task A_store_that_is_not_there_is_empty()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();

        var report = await new Collector(store).CollectAsync(Nothing, []);

        Assert.That((report.Removed.Count, report.BytesBefore, report.Kept), Is.EqualTo((0, 0, 0)));
        Assert.That(Directory.Exists(fixture.StoreRoot), Is.False);
    }

    private static string RecordOf(BuildFixture fixture, StepResult result) => Path.Combine(fixture.StoreRoot, "steps", "1", $"{result.Key}.json");

    private static void SetUse(BuildFixture fixture, IEnumerable<StepResult> results, int days)
    {
        foreach (var result in results)
        {
            File.SetLastWriteTimeUtc(RecordOf(fixture, result), DateTime.UtcNow.AddDays(-days).AddMinutes(-1));
        }
    }

    private static long Size(BuildFixture fixture) =>
        new[] { "cas", "steps" }.Sum(part => new DirectoryInfo(Path.Combine(fixture.StoreRoot, part)).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length));
}
