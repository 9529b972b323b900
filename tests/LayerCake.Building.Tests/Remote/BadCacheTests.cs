using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

/// <summary>Dead, slow, lying and emptied caches: the build goes on, its bytes are right, and why is said.</summary>
public sealed class BadCacheTests
{
    private static IEnumerable<TestCaseData> Lies()
    {
        yield return Lie("a flipped byte", cache => cache.Content = content => Change(content, content.Length / 2), "has the digest");
        yield return Lie("content of another length", cache => cache.Content = content => [.. content, 0], "cannot fetch the content");
        yield return Lie("content cut off", cache => cache.Content = content => content[..^1], "does not have the size of its entry");
        yield return Lie("no content at all", cache => cache.Content = _ => [], "does not have the size of its entry");
        yield return Lie("an entry that is no record", cache => cache.Entry = entry => entry is null ? null : "hello"u8.ToArray(), "is damaged (it is cut off or not JSON)");
        yield return Lie("an empty entry", cache => cache.Entry = entry => entry is null ? null : [], "is damaged");
        yield return Lie("an entry cut off", cache => cache.Entry = entry => entry?[..^10], "is damaged");
        yield return Lie("an entry of another key", cache => cache.Entry = OtherKey(), "is damaged (its fields do not hash to its key)");
        yield return Lie("an entry with an output more", cache => cache.Entry = entry => Replace(entry, "\"outputs\": [", "\"outputs\": [{\"path\":\"x\",\"folder\":true},"), "is damaged (its outputs do not hash");
        yield return Lie("an entry that leads out", cache => cache.Entry = entry => Replace(entry, "\"path\": \"", "\"path\": \"../"), "is damaged");
        yield return Lie("an entry with control characters", cache => cache.Entry = entry => Replace(entry, "1.2.3", "1\\u001b[2J"), "is damaged (a name in it has a control character)");
    }

    [TestCaseSource(nameof(Lies))]
    public async Task A_lying_cache_never_poisons_a_store(Action<object> twist, string said)
    {
        using var shared = await SharedFixture.CreateAsync();
        var cache = new TwistedCache(shared.CacheFolder);
        twist(cache);
        var warnings = new Warnings();

        var results = await SharedFixture.BuildAsync(shared.Second, cache, warnings, canWrite: false);

        Assert.That(results.Select(result => result.Outcome), Does.Contain(StepOutcome.Ran));
        Assert.That(Disk.DescribeStore(shared.Second.StoreRoot), Is.EqualTo(Disk.DescribeStore(shared.First.StoreRoot)));
        SharedFixture.AssertSound(shared.Second);
        Assert.That(warnings.Texts, Has.Some.StartsWith("test://cache: ").And.Some.Contains(said));
        Assert.That(string.Concat(warnings.Texts), Does.Not.Contain("\u001b"));
    }

    [Test]
    public async Task After_three_lies_it_is_not_asked_again()
    {
        using var shared = await SharedFixture.CreateAsync();
        var cache = new TwistedCache(shared.CacheFolder) { Content = content => Change(content, 0) };
        var warnings = new Warnings();

        await SharedFixture.BuildAsync(shared.Second, cache, warnings, shared.Second.Build(scale: 3));

        Assert.That(warnings.Texts, Has.Exactly(1).EqualTo("test://cache gave wrong answers 3 times; it is not asked again in this build"));
    }

    [Test]
    public async Task Content_that_was_found_to_be_wrong_is_written_again()
    {
        using var shared = await SharedFixture.CreateAsync();
        var damaged = Directory.EnumerateFiles(shared.CacheFolder, "content-*").Where(path => new FileInfo(path).Length > 0).Order(StringComparer.Ordinal).First();
        Disk.FlipByte(damaged);

        await SharedFixture.BuildAsync(shared.Second, new TwistedCache(shared.CacheFolder), new Warnings());

        Assert.That(Digest.Of(File.ReadAllBytes(damaged)).ToString(), Is.EqualTo(Path.GetFileName(damaged)["content-".Length..]), "whoever may write mends what it found broken");
    }

    [Test]
    public async Task A_dead_cache_costs_three_calls_and_two_warnings()
    {
        using var shared = await SharedFixture.CreateAsync();
        var cache = new TwistedCache(shared.CacheFolder) { Before = (_, _) => throw new RemoteCacheException("connection refused") };
        var warnings = new Warnings();

        using var store = shared.Second.Open();
        using var dead = new SharedCache(cache, canWrite: true, warnings);
        var results = await new StepRunner(store, warnings, dead).RunAllAsync(BuildPlan.Create("r", shared.Second.Build().Steps(), store));

        Assert.That(results.Select(result => result.Outcome), Is.All.EqualTo(StepOutcome.Ran));
        Assert.That(cache.Calls, Is.EqualTo(3));
        Assert.That(dead.IsGivenUp, Is.True);
        Assert.That(warnings.Texts, Has.Count.EqualTo(2));
        Assert.That(warnings.Texts[0], Does.Match("^test://cache: cannot look up [0-9a-f]{12}: connection refused; the build goes on without it$"));
        Assert.That(warnings.Texts[1], Is.EqualTo("test://cache failed 3 times in a row; it is not asked again in this build"));
    }

    [TestCase("get entry")]
    [TestCase("get content")]
    [TestCase("find missing")]
    [TestCase("put content")]
    [TestCase("put entry")]
    public async Task A_cache_whose_one_call_fails_does_not_fail_the_build(string failing)
    {
        using var shared = await SharedFixture.CreateAsync(build: failing.StartsWith("get", StringComparison.Ordinal));
        var cache = new TwistedCache(shared.CacheFolder) { Before = (call, _) => call == failing ? throw new InvalidOperationException("a fault of the adapter") : Task.CompletedTask };
        var warnings = new Warnings();

        var results = await SharedFixture.BuildAsync(shared.Second, cache, warnings);

        Assert.That(results, Has.Count.EqualTo(3));
        Assert.That(shared.Second.Runs(), Has.Length.EqualTo(3));
        Assert.That(warnings.Texts, Has.Some.Contains("a fault of the adapter"));
        SharedFixture.AssertSound(shared.Second);
        if (failing == "put content")
        {
            Assert.That(Directory.Exists(shared.CacheFolder), Is.False, "no entry without its content");
        }
    }

    [TestCase("get entry")]
    [TestCase("get content")]
    public async Task A_cache_that_never_answers_is_left_after_its_time(string hanging)
    {
        using var shared = await SharedFixture.CreateAsync();
        // It does not listen to the cancellation either.
        var never = new TaskCompletionSource();
        var cache = new TwistedCache(shared.CacheFolder) { Before = (call, _) => call == hanging ? never.Task : Task.CompletedTask };
        var warnings = new Warnings();

        var results = await SharedFixture.BuildAsync(shared.Second, cache, warnings, canWrite: false, time: new HurriedTime(TimeSpan.FromSeconds(5)));

        Assert.That(results.Select(result => result.Outcome), Is.All.EqualTo(StepOutcome.Ran));
        Assert.That(warnings.Texts, Has.Some.Match("no answer within [0-9]+ s"));
        SharedFixture.AssertSound(shared.Second);
        never.SetResult();
    }

    [Test]
    public async Task A_cache_that_dropped_content_is_a_miss_and_filled_again()
    {
        using var shared = await SharedFixture.CreateAsync();
        var gone = Directory.EnumerateFiles(shared.CacheFolder, "content-*").Order(StringComparer.Ordinal).First();
        File.Delete(gone);
        var warnings = new Warnings();

        var plan = SharedFixture.Plan(shared.Second, new TwistedCache(shared.CacheFolder));
        var results = await SharedFixture.BuildAsync(shared.Second, new TwistedCache(shared.CacheFolder), warnings);

        Assert.That(plan.Steps.Where(step => step.Outcome == PlannedOutcome.Miss).Select(step => step.Reason), Is.Not.Empty.And.All.StartsWith("test://cache has its entry, but no longer its content "));
        Assert.That(results.Select(result => result.Outcome), Does.Contain(StepOutcome.Ran));
        Assert.That(warnings.Texts, Has.Some.Contains("names the content").And.None.Contains("not asked again"));
        Assert.That(File.Exists(gone), Is.True);
    }

    [Test]
    public async Task An_entry_that_claims_more_than_the_disk_holds_fills_no_disk()
    {
        using var shared = await SharedFixture.CreateAsync();
        var key = shared.Second.Plan()["numbers"].Key;
        var cache = new TwistedCache(shared.CacheFolder);
        var honest = StepRecordJson.Read(key, File.ReadAllBytes(cache.Inner.EntryPath(key.Value)));
        var tree = StoredTree.Create(honest.Tree.Entries.Select(entry => entry is TreeEntry.File file ? file with { Size = 1L << 58 } : entry).Take(2));
        var claim = honest with { Tree = tree, Lineage = [honest.Step with { Tree = tree.Digest }] };
        await cache.Inner.PutEntryAsync(key.Value, StepRecordJson.Write(claim), CancellationToken.None);
        var warnings = new Warnings();

        var results = await SharedFixture.BuildAsync(shared.Second, cache, warnings, canWrite: false);

        Assert.That(results[0].Outcome, Is.EqualTo(StepOutcome.Ran));
        Assert.That(warnings.Texts, Has.Some.Match("the result of numbers needs [0-9.]+ GB, and the disk of the store has [0-9.]+ GB left; it is not fetched"));
    }

    [Test]
    public async Task A_note_of_the_last_build_that_is_no_such_note_only_leaves_the_explanation_out()
    {
        using var shared = await SharedFixture.CreateAsync();
        var inner = new SimpleCache(shared.CacheFolder);
        await inner.PutEntryAsync(LatestNote.Key(SmallBuild.Recipe, "bundle"), "{\"step\":\"\\u001b[2J\"}"u8.ToArray(), CancellationToken.None);

        var plan = SharedFixture.Plan(shared.Second, inner, shared.Second.Build(title: "new"));

        Assert.That(plan["bundle"].Reason, Is.EqualTo("never built"));
    }

    [Test]
    public async Task A_cancelled_fetch_leaves_no_record_and_no_temporary_file()
    {
        using var shared = await SharedFixture.CreateAsync();
        using var stop = new CancellationTokenSource();
        var cache = new TwistedCache(shared.CacheFolder) { Before = (call, _) => call == "get content" ? stop.CancelAsync() : Task.CompletedTask };
        using (var store = shared.Second.Open())
        using (var remote = new SharedCache(cache, canWrite: false, SilentReporter.Instance))
        {
            var plan = BuildPlan.Create(SmallBuild.Recipe, shared.Second.Build().Steps(), store, remote);

            Assert.That(async () => await new StepRunner(store, SilentReporter.Instance, remote).RunAllAsync(plan, token: stop.Token), Throws.InstanceOf<OperationCanceledException>());
        }

        Assert.That(Directory.Exists(Path.Combine(shared.Second.StoreRoot, "steps")), Is.False);
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(shared.Second.StoreRoot, "tmp")), Is.Empty);
    }

    private static TestCaseData Lie(string name, Action<TwistedCache> twist, string said) =>
        new TestCaseData((Action<object>)(cache => twist((TwistedCache)cache)), said).SetArgDisplayNames(name);

    private static byte[] Change(byte[] content, int at)
    {
        if (content.Length > 0)
        {
            content[at] ^= 1;
        }

        return content;
    }

    private static byte[]? Replace(byte[]? entry, string what, string with) =>
        entry is null ? null : System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(entry).Replace(what, with));

    // The first entry that was asked for, for every later question.
    private static Func<byte[]?, byte[]?> OtherKey()
    {
        byte[]? first = null;
        return entry => entry is null ? null : first ??= Replace(entry, "\"scale\": 3", "\"scale\": 4");
    }

    /// <summary>A clock whose long waits are over at once.</summary>
    private sealed class HurriedTime(TimeSpan longest) : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime >= longest ? TimeSpan.FromMilliseconds(300) : dueTime, period);
    }
}
