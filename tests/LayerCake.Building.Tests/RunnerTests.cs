using System.Text;
using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

public sealed class RunnerTests
{
    [Test]
    public async Task Forcing_a_step_runs_it_alone_where_its_output_stays_the_same()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();
        fixture.Runs();

        var results = await fixture.RunAsync(force: "numbers");

        Assert.That(fixture.Runs(), Is.EqualTo(new[] { "numbers" }));
        Assert.That(results[0].Reason, Is.EqualTo("forced"));
        Assert.That(results[1].Outcome, Is.EqualTo(StepOutcome.Cached));
    }

    [Test]
    public async Task A_forced_step_with_another_output_makes_the_steps_after_it_run()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        var content = "first";
        IBuildStep[] steps =
        [
            new SmallStep { Name = "random", Action = (context, token) => File.WriteAllTextAsync(Path.Combine(context.OutputFolder, "x"), content, token) },
            new SmallStep { Name = "copy", DependsOn = ["random"], Action = (context, _) => { File.Copy(Path.Combine(context.InputFolder("random"), "x"), Path.Combine(context.OutputFolder, "y")); return Task.CompletedTask; } },
        ];
        var runner = new StepRunner(store, SilentReporter.Instance);
        await runner.RunAllAsync(BuildPlan.Create("r", steps, store));
        content = "second";
        await runner.RunAsync(BuildPlan.Create("r", steps, store), "random", force: true);

        var plan = BuildPlan.Create("r", steps, store);
        var results = await runner.RunAllAsync(plan);

        Assert.That(plan["copy"].Reason, Is.EqualTo("the output of random changed"));
        Assert.That(results.Select(result => result.Outcome), Is.EqualTo(new[] { StepOutcome.Cached, StepOutcome.Ran }));
        Assert.That(File.ReadAllText(fixture.BlobOf(results[1], "y")), Is.EqualTo("second"));
    }

    [Test]
    public void A_step_that_fails_leaves_nothing_and_its_exception_comes_through()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        var fails = new SmallStep
        {
            Name = "fails",
            Action = (context, _) =>
            {
                File.WriteAllText(Path.Combine(context.OutputFolder, "half"), "half");
                throw new InvalidOperationException("on purpose");
            },
        };
        var plan = BuildPlan.Create("r", [fails], store);

        Assert.That(async () => await new StepRunner(store, SilentReporter.Instance).RunAllAsync(plan), Throws.InvalidOperationException.With.Message.EqualTo("on purpose"));
        Assert.That(store.Find(plan["fails"].Key).Record, Is.Null);
        Assert.That(Directory.Exists(Path.Combine(fixture.StoreRoot, "cas")), Is.False);
        Assert.That(Directory.EnumerateDirectories(Path.Combine(fixture.StoreRoot, "tmp"), "*", SearchOption.AllDirectories).Count(), Is.EqualTo(1), "the process's own folder, empty");
    }

    [Test]
    public void Cancelling_leaves_nothing_and_frees_the_lock()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        using var source = new CancellationTokenSource();
        var stops = new SmallStep
        {
            Name = "stops",
            Action = async (context, token) =>
            {
                File.WriteAllText(Path.Combine(context.OutputFolder, "half"), "half");
                await source.CancelAsync();
                await Task.Delay(Timeout.Infinite, token);
            },
        };
        var plan = BuildPlan.Create("r", [stops], store);

        Assert.That(async () => await new StepRunner(store, SilentReporter.Instance).RunAllAsync(plan, token: source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(store.Find(plan["stops"].Key).Record, Is.Null);
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(fixture.StoreRoot, "locks")), Is.Empty);
    }

    [Test]
    public void A_step_that_swallows_the_cancellation_is_not_stored_either()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        using var source = new CancellationTokenSource();
        var plan = BuildPlan.Create("r", [new SmallStep { Name = "stops", Action = (_, _) => source.CancelAsync() }], store);

        Assert.That(async () => await new StepRunner(store, SilentReporter.Instance).RunAllAsync(plan, token: source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(store.Find(plan["stops"].Key).Record, Is.Null);
    }

    [Test]
    public void An_input_that_changes_while_the_step_runs_makes_the_result_worthless()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        var step = new SmallStep
        {
            Name = "reads",
            Inputs = [StepInput.File("text", fixture.Input)],
            Action = (context, token) => File.WriteAllTextAsync(fixture.Input, "ONE TWO THREE\n", token),
        };
        var plan = BuildPlan.Create("r", [step], store);

        Assert.That(async () => await new StepRunner(store, SilentReporter.Instance).RunAllAsync(plan), Throws.InstanceOf<BuildException>().With.Message.Contains($"reads: the input 'text' changed while the step ran ({fixture.Input} changed)"));
        Assert.That(store.Find(plan["reads"].Key).Record, Is.Null);
    }

    [Test]
    public void A_step_whose_predecessor_has_no_result_says_which_to_run_first()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        var plan = BuildPlan.Create(SmallBuild.Recipe, fixture.Build().Steps(), store);

        Assert.That(async () => await new StepRunner(store, SilentReporter.Instance).RunAsync(plan, "sums"), Throws.InstanceOf<BuildException>().With.Message.EqualTo("sums needs the result of numbers, which is not in the store (it was not built); run numbers first"));
    }

    [Test]
    public async Task Two_builds_of_one_key_at_once_run_it_once_and_the_other_says_whom_it_waits_for()
    {
        using var fixture = new BuildFixture();
        using var release = new SemaphoreSlim(0);
        using var started = new SemaphoreSlim(0);
        var runs = 0;
        var step = new SmallStep
        {
            Name = "slow",
            Action = async (context, token) =>
            {
                Interlocked.Increment(ref runs);
                started.Release();
                await release.WaitAsync(token);
                await File.WriteAllTextAsync(Path.Combine(context.OutputFolder, "x"), "x", token);
            },
        };
        using var first = fixture.Open();
        using var second = fixture.Open();
        var waiting = new WaitingReporter();
        var one = Task.Run(() => new StepRunner(first, SilentReporter.Instance).RunAsync(BuildPlan.Create("r", [step], first), "slow"));
        await started.WaitAsync();
        var two = Task.Run(() => new StepRunner(second, waiting).RunAsync(BuildPlan.Create("r", [step], second), "slow"));

        var owner = await waiting.Told.Task.WaitAsync(TimeSpan.FromMinutes(2));
        release.Release();
        var results = await Task.WhenAll(one, two);

        Assert.That(owner!.ToString(), Does.Match($@"^process {Environment.ProcessId} on .+, since \d\d:\d\d:\d\d UTC$"));
        Assert.That(results.Select(result => result.Outcome), Is.EqualTo(new[] { StepOutcome.Ran, StepOutcome.Cached }));
        Assert.That(results[1].Reason, Is.EqualTo("built meanwhile by another process"));
        Assert.That(runs, Is.EqualTo(1));
    }

    [Test]
    public async Task Waiting_for_another_build_ends_with_the_token()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        using var held = await store.LockAsync("name", null, CancellationToken.None);
        using var source = new CancellationTokenSource();

        var waits = store.LockAsync("name", _ => source.Cancel(), source.Token);

        Assert.That(async () => await waits, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task A_lock_is_exclusive_under_contention_and_leaves_no_file()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        var inside = 0;
        var most = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 3; i++)
            {
                using var held = await store.LockAsync("name", null, CancellationToken.None);
                most = Math.Max(most, Interlocked.Increment(ref inside));
                await Task.Yield();
                Interlocked.Decrement(ref inside);
            }
        })));

        Assert.That(most, Is.EqualTo(1));
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(fixture.StoreRoot, "locks")), Is.Empty);
    }

    [Test]
    public async Task A_result_knows_every_step_it_came_from()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();

        Assert.That(results[2].Record.Lineage.Select(step => step.Name), Is.EqualTo(new[] { "numbers", "sums", "bundle" }));
        Assert.That(results[2].Record.Lineage[0].Inputs, Is.EqualTo(new[] { KeyValuePair.Create("text", Digest.Of("one two three\n")) }));
        Assert.That(results[2].Record.Step.After, Is.EqualTo(new[] { "numbers", "sums" }));
        using var store = fixture.Open();
        var read = store.Find(results[2].Key).Record!;
        Assert.That(read.Lineage.Select(step => (step.Key, step.Tree)), Is.EqualTo(results[2].Record.Lineage.Select(step => (step.Key, step.Tree))));
        Assert.That(read.ProgramVersion, Is.EqualTo("1.2.3"));
    }

    [Test]
    public async Task Reading_the_output_of_a_step_costs_no_second_check_of_its_content()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        using var store = fixture.Open();

        // Laid out for two steps as hard links, and removed again: the stat cache must have followed the change times.
        Assert.That(store.Check(results[0].Tree, read: false, CancellationToken.None), Is.EqualTo(new TreeState(null, 0)));
    }

    [Test]
    public async Task The_build_record_is_the_same_for_the_same_build_and_holds_no_path_and_no_time()
    {
        using var fixture = new BuildFixture();
        using var other = new BuildFixture();

        var first = await RecordAsync(fixture);
        var second = await RecordAsync(other);

        Assert.That(second, Is.EqualTo(first));
        Assert.That(first, Does.Not.Contain(Path.GetTempPath()).And.Not.Contain("/dev/shm").And.Not.Contain(Environment.MachineName));
        Assert.That(first, Does.Contain($$"""
              "recipe": {
                "name": "small",
                "sha256": "{{KeyDocument.Of(key => key.Add("scale", 3)).Key}}",
                "fields": {
                  "scale": 3
                }
              },
              "versions": {
                "layercake": "1.2.3",
                "libtorch": "2.10.0"
              },
            """));
        Assert.That(first, Does.Contain("\"path\": \"data/0.txt\""));
    }

    [Test]
    public async Task Files_taken_over_from_an_earlier_step_share_its_content_and_keep_their_modes()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        IBuildStep[] steps =
        [
            .. fixture.Build().Steps(),
            new SmallStep
            {
                Name = "package",
                DependsOn = ["bundle"],
                Action = (context, token) =>
                {
                    context.TakeOver("bundle", path => path.Value != "title");
                    return File.WriteAllTextAsync(Path.Combine(context.OutputFolder, "title"), "packaged", token);
                },
            },
        ];

        var results = await new StepRunner(store, SilentReporter.Instance).RunAllAsync(BuildPlan.Create("r", steps, store));

        Assert.That(
            results[3].Tree.Entries.Where(entry => entry.Path.Value != "title"),
            Is.EqualTo(results[2].Tree.Entries.Where(entry => entry.Path.Value != "title")));
        Assert.That(store.Check(results[3].Tree, read: false, CancellationToken.None), Is.EqualTo(new TreeState(null, 0)));
        Assert.That(store.Check(results[2].Tree, read: false, CancellationToken.None), Is.EqualTo(new TreeState(null, 0)));
        await store.PlaceAsync(results[3].Tree, fixture.At("out"));
        Assert.That(File.GetUnixFileMode(fixture.At("out", "run.sh")).HasFlag(UnixFileMode.UserExecute), Is.True);
    }

    private static async Task<string> RecordAsync(BuildFixture fixture)
    {
        var results = await fixture.RunAsync();
        using var store = fixture.Open();
        await store.PlaceAsync(results[2].Tree, fixture.At("out"));
        return Encoding.UTF8.GetString(new BuildRecord
        {
            RecipeName = "small",
            Recipe = KeyDocument.Of(key => key.Add("scale", 3)),
            Versions = new Dictionary<string, string> { ["libtorch"] = "2.10.0", ["layercake"] = "1.2.3" },
            Steps = results[2].Record.Lineage,
            Outputs = BuildRecord.OutputsOf(fixture.At("out"), new Dictionary<RelativePath, Digest>(), CancellationToken.None),
        }.ToJson());
    }

    private sealed class WaitingReporter : IBuildReporter
    {
        public TaskCompletionSource<LockOwner?> Told { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Line(string text)
        {
        }

        public void Warn(string text)
        {
        }

        public void Progress(string what, long done, long total)
        {
        }

        public void Waiting(string what, LockOwner? owner)
        {
            if (owner is not null)
            {
                Told.TrySetResult(owner);
            }
        }
    }
}
