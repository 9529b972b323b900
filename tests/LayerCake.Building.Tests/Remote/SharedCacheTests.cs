using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

/// <summary>What a build takes from a shared cache and gives to it, where the cache behaves.</summary>
public sealed class SharedCacheTests
{
    [Test]
    public async Task A_second_machine_runs_nothing_and_has_the_same_store()
    {
        using var shared = await SharedFixture.CreateAsync();
        var warnings = new Warnings();

        var results = await SharedFixture.BuildAsync(shared.Second, new TwistedCache(shared.CacheFolder), warnings);
        var again = await SharedFixture.BuildAsync(shared.Second, new TwistedCache(shared.CacheFolder), warnings);

        Assert.That(results.Select(result => (result.Outcome, result.Reason)), Is.All.EqualTo((StepOutcome.FromRemote, "from test://cache")));
        Assert.That(again.Select(result => result.Outcome), Is.All.EqualTo(StepOutcome.Cached));
        Assert.That(shared.Second.Runs(), Is.Empty);
        Assert.That(Disk.DescribeStore(shared.Second.StoreRoot), Is.EqualTo(Disk.DescribeStore(shared.First.StoreRoot)));
        Assert.That(warnings.Texts, Is.Empty);
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(shared.Second.StoreRoot, "tmp")), Is.Empty);
    }

    [Test]
    public async Task A_plan_says_what_is_to_be_fetched_and_writes_nothing()
    {
        using var shared = await SharedFixture.CreateAsync();

        var plan = SharedFixture.Plan(shared.Second, new TwistedCache(shared.CacheFolder));
        var edited = SharedFixture.Plan(shared.Second, new TwistedCache(shared.CacheFolder), shared.Second.Build(title: "new"));

        Assert.That(plan.Steps.Select(step => (step.Outcome, step.Reason)), Is.All.EqualTo((PlannedOutcome.Remote, "in test://cache")));
        Assert.That(plan["numbers"].BytesToFetch, Is.EqualTo(plan["numbers"].Record!.Tree.TotalBytes).And.GreaterThan(0));
        Assert.That(Directory.Exists(shared.Second.StoreRoot), Is.False);
        Assert.That(edited["sums"].Outcome, Is.EqualTo(PlannedOutcome.Remote));
        Assert.That(edited["bundle"].Outcome, Is.EqualTo(PlannedOutcome.Miss));
        Assert.That(edited["bundle"].Reason, Is.EqualTo("changed: bundle.title bundle → new (since the last build in test://cache)"), "explained on a machine that never built");
        Assert.That(edited["bundle"].Baseline, Is.EqualTo("test://cache"));
    }

    [Test]
    public async Task A_plan_counts_only_what_is_not_here_yet()
    {
        using var shared = await SharedFixture.CreateAsync();
        await SharedFixture.BuildAsync(shared.Second, new TwistedCache(shared.CacheFolder), new Warnings());
        var record = Directory.EnumerateFiles(Path.Combine(shared.Second.StoreRoot, "steps", "1")).Single(path => path.Contains(shared.Second.Plan()["sums"].Key.ToString()));
        File.Delete(record);

        var plan = SharedFixture.Plan(shared.Second, new TwistedCache(shared.CacheFolder));

        Assert.That((plan["sums"].Outcome, plan["sums"].BytesToFetch), Is.EqualTo((PlannedOutcome.Remote, 0)));
        Assert.That(plan["bundle"].Outcome, Is.EqualTo(PlannedOutcome.Hit));
    }

    [Test]
    public async Task A_cache_that_may_only_be_read_is_never_written()
    {
        using var shared = await SharedFixture.CreateAsync(build: false);

        await SharedFixture.BuildAsync(shared.First, new TwistedCache(shared.CacheFolder), new Warnings(), canWrite: false);

        Assert.That(Directory.Exists(shared.CacheFolder), Is.False);
    }

    [Test]
    public async Task Only_what_ran_is_written_and_only_what_is_not_there()
    {
        using var shared = await SharedFixture.CreateAsync();
        var cache = new TwistedCache(shared.CacheFolder);
        var puts = new List<string>();
        cache.Before = (call, _) =>
        {
            lock (puts)
            {
                puts.Add(call);
            }

            return Task.CompletedTask;
        };

        await SharedFixture.BuildAsync(shared.Second, cache, new Warnings());
        Assert.That(puts, Does.Not.Contain("put entry").And.Not.Contain("put content"));

        await SharedFixture.BuildAsync(shared.Second, cache, new Warnings(), force: "sums");
        Assert.That(puts.Count(call => call == "put entry"), Is.EqualTo(2), "the entry and the note of the last build");
        Assert.That(puts, Does.Not.Contain("put content"), "the content is there");
    }

    [Test]
    public async Task A_result_made_from_another_output_of_an_earlier_step_is_not_taken()
    {
        using var shared = await SharedFixture.CreateAsync(build: false);
        var ran = new List<string>();
        IBuildStep[] steps =
        [
            new SmallStep
            {
                Name = "random",
                Action = (context, token) => File.WriteAllTextAsync(Path.Combine(context.OutputFolder, "r"), Guid.NewGuid().ToString(), token),
            },
            new SmallStep
            {
                Name = "after",
                DependsOn = ["random"],
                Action = (context, token) =>
                {
                    ran.Add("after");
                    return File.WriteAllTextAsync(Path.Combine(context.OutputFolder, "a"), File.ReadAllText(Path.Combine(context.InputFolder("random"), "r")), token);
                },
            },
        ];
        async Task<IReadOnlyList<StepResult>> RunAsync(BuildFixture machine, bool useCache, string? target)
        {
            using var store = machine.Open();
            using var cache = useCache ? new SharedCache(new TwistedCache(shared.CacheFolder), true, SilentReporter.Instance) : null;
            return await new StepRunner(store, SilentReporter.Instance, cache).RunAllAsync(BuildPlan.Create("r", steps, store, cache), target);
        }

        await RunAsync(shared.First, useCache: true, target: null);
        await RunAsync(shared.Second, useCache: false, target: "random");
        ran.Clear();

        var results = await RunAsync(shared.Second, useCache: true, target: null);

        Assert.That(results.Select(result => result.Outcome), Is.EqualTo(new[] { StepOutcome.Cached, StepOutcome.Ran }));
        Assert.That(ran, Is.EqualTo(new[] { "after" }));
    }

    [Test]
    public async Task Two_builds_at_once_fetch_each_content_once()
    {
        using var shared = await SharedFixture.CreateAsync();
        var cache = new TwistedCache(shared.CacheFolder);
        var fetched = 0;
        using var both = new CountdownEvent(2);
        cache.Before = (call, _) =>
        {
            fetched += call == "get content" ? 1 : 0;
            return Task.CompletedTask;
        };
        var contents = Directory.EnumerateFiles(shared.CacheFolder, "content-*").Count();

        Task<IReadOnlyList<StepResult>> Build() => Task.Run(() =>
        {
            both.Signal();
            both.Wait();
            return SharedFixture.BuildAsync(shared.Second, cache, new Warnings());
        });
        var results = await Task.WhenAll(Build(), Build());

        Assert.That(fetched, Is.EqualTo(contents));
        Assert.That(results[0].Zip(results[1], (one, two) => (one.Outcome, two.Outcome)).Count(pair => pair is (StepOutcome.FromRemote, StepOutcome.FromRemote)), Is.Zero);
        Assert.That(shared.Second.Runs(), Is.Empty);
    }

    [Test]
    public async Task A_local_result_with_damaged_content_is_mended_from_the_cache()
    {
        using var shared = await SharedFixture.CreateAsync();
        var results = await SharedFixture.BuildAsync(shared.Second, new TwistedCache(shared.CacheFolder), new Warnings());
        Disk.FlipByte(shared.Second.BlobOf(results[2], "title"));

        var again = await SharedFixture.BuildAsync(shared.Second, new TwistedCache(shared.CacheFolder), new Warnings());

        Assert.That(again.Select(result => result.Outcome), Is.EqualTo(new[] { StepOutcome.Cached, StepOutcome.Cached, StepOutcome.FromRemote }));
        Assert.That(shared.Second.Runs(), Is.Empty);
        SharedFixture.AssertSound(shared.Second);
    }

    [TestCaseSource(nameof(Faults))]
    public async Task A_build_with_a_cache_killed_anywhere_and_run_again_gives_the_same_store_and_the_same_cache(string fault, bool fills)
    {
        using var shared = await SharedFixture.CreateAsync(build: !fills);
        using var complete = await SharedFixture.CreateAsync();

        var killed = await ChildProcess.RunAsync(shared.Second, fault, $"cache={shared.CacheFolder}");
        Assert.That(killed.ExitCode, Is.EqualTo(128 + 9), killed.Output);
        var again = await ChildProcess.RunAsync(shared.Second, null, $"cache={shared.CacheFolder}");

        Assert.That(again.ExitCode, Is.Zero, again.Output);
        Assert.That(Disk.DescribeStore(shared.Second.StoreRoot), Is.EqualTo(Disk.DescribeStore(complete.First.StoreRoot)));
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(shared.Second.StoreRoot, "tmp")), Is.Empty);
        foreach (var content in Directory.EnumerateFiles(shared.CacheFolder, "content-*"))
        {
            Assert.That(Digest.Of(File.ReadAllBytes(content)).ToString(), Is.EqualTo(Path.GetFileName(content)["content-".Length..]));
        }
    }

    private static IEnumerable<TestCaseData> Faults()
    {
        yield return new TestCaseData(FaultPoints.RemoteContent, false);
        yield return new TestCaseData($"{FaultPoints.RemoteContent}:3", false);
        yield return new TestCaseData(FaultPoints.RemoteFetched, false);
        yield return new TestCaseData($"{FaultPoints.RecordWritten}:2", false);
        yield return new TestCaseData(FaultPoints.RemotePushed, true);
        yield return new TestCaseData(FaultPoints.RemoteRecorded, true);
    }
}
