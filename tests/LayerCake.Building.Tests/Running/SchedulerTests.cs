using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SchedulerTests : IDisposable
{
    private readonly BuildFixture _fixture = new();
    private readonly RecordedEvents _events = new();
    private readonly ArtifactStore _store;

    public SchedulerTests() => _store = _fixture.Open();

    public void Dispose()
    {
        _store.Dispose();
        _fixture.Dispose();
    }

    [Test]
    public async Task Two_independent_steps_overlap_with_two_jobs()
    {
        // Each waits for the other: one after another, neither would end.
        using var both = new Barrier(2);
        var outcome = await RunAsync(new SchedulerOptions { Jobs = 2 }, Step("first"), Step("left", both.Meet, "first"), Step("right", both.Meet, "first"));

        Assert.That(outcome.Succeeded);
        var order = _events.All.Where(e => e is StepStarted or StepFinished).Cast<StepEvent>().Skip(2).Select(e => e is StepStarted ? "start" : "end");
        Assert.That(order, Is.EqualTo(new[] { "start", "start", "end", "end" }));
    }

    [Test]
    public async Task Two_independent_steps_run_one_after_another_with_one_job()
    {
        await RunAsync(new SchedulerOptions(), Step("left"), Step("right"));

        var order = _events.All.Where(e => e is StepStarted or StepFinished).Cast<StepEvent>().Select(e => $"{(e is StepStarted ? "start" : "end")} {e.Step}");
        Assert.That(order, Is.EqualTo(new[] { "start left", "end left", "start right", "end right" }));
    }

    [TestCase(MachineUnits.Processor, MachineUnits.Processor, 1)]
    [TestCase(MachineUnits.Processor, MachineUnits.Gpu, 2)]
    [TestCase(MachineUnits.None, MachineUnits.Processor, 2)]
    public async Task Steps_that_need_the_same_unit_do_not_overlap(MachineUnits left, MachineUnits right, int most)
    {
        var counter = new Overlap(most);
        await RunAsync(
            new SchedulerOptions { Jobs = 4 },
            new Demanding(Step("left", counter.Enter), new StepDemand(left)),
            new Demanding(Step("right", counter.Enter), new StepDemand(right)));

        Assert.That(counter.Most, Is.EqualTo(most));
    }

    [TestCase(100, 2)]
    [TestCase(99, 1)]
    public async Task Steps_at_work_stay_within_the_memory_together(long budget, int most)
    {
        var counter = new Overlap(most);
        var outcome = await RunAsync(
            new SchedulerOptions { Jobs = 4, MemoryBudget = budget },
            new Demanding(Step("left", counter.Enter), new StepDemand(MachineUnits.None, 40)),
            new Demanding(Step("right", counter.Enter), new StepDemand(MachineUnits.None, 60)),
            new Demanding(Step("huge", _ => { }, "left", "right"), new StepDemand(MachineUnits.None, 1000)));

        Assert.That(counter.Most, Is.EqualTo(most));
        Assert.That(outcome.Succeeded, "a step that alone needs more than there is still runs");
    }

    [Test]
    public async Task A_key_that_two_recipes_have_is_made_once_and_the_other_says_for_whom()
    {
        var runs = 0;
        SmallStep Shared() => Step("shared", _ => Interlocked.Increment(ref runs));
        var plans = new[] { "one", "two" }.Select(recipe => new ScheduledPlan { Plan = BuildPlan.Create(recipe, [Shared()], _store), Forced = _ => true }).ToList();

        var outcome = await Scheduler(new SchedulerOptions { Jobs = 2 }).RunAsync(plans);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(runs, Is.EqualTo(1));
            Assert.That(outcome.Rows.Select(row => (row.Recipe, row.Outcome, row.Reason)), Is.EqualTo(new[] { ("one", "ran", "forced"), ("two", "cached", "made for one") }));
        }
    }

    [Test]
    public async Task After_a_failure_nothing_more_is_started_and_what_runs_ends()
    {
        using var both = new Barrier(2);
        using var failed = new ManualResetEventSlim();
        _events.Taken = e => (e is StepFailed ? failed : null)?.Set();
        var outcome = await RunAsync(
            new SchedulerOptions { Jobs = 2 },
            Step("fails", context =>
            {
                both.Meet(context);
                throw new BuildException("on purpose");
            }),
            Step("runs", context =>
            {
                both.Meet(context);
                Assert.That(failed.Wait(TimeSpan.FromSeconds(60)));
            }),
            Step("later", _ => { }, "runs"),
            Step("needs", _ => { }, "fails"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(outcome.Rows.Select(row => (row.Step, row.Outcome)), Is.EqualTo(new[] { ("fails", "failed"), ("runs", "ran"), ("later", "skipped"), ("needs", "skipped") }));
            Assert.That(outcome.Rows[2].Reason, Is.EqualTo("not started: fails failed"));
            Assert.That(outcome.Rows[3].Reason, Is.EqualTo("fails failed"));
            Assert.That(outcome.ThrowIfFailed, Throws.TypeOf<BuildException>().With.Message.EqualTo("on purpose"));
            Assert.That(_events.Of<BuildFinished>().Single().FirstFailure, Is.EqualTo("on purpose"));
        }
    }

    [Test]
    public async Task Keep_going_finishes_what_does_not_need_the_failed_step()
    {
        var outcome = await RunAsync(
            new SchedulerOptions { KeepGoing = true },
            Step("fails", _ => throw new BuildException("on purpose")),
            Step("needs", _ => { }, "fails"),
            Step("needs_too", _ => { }, "needs"),
            Step("sibling"),
            Step("after", _ => { }, "sibling"));

        Assert.That(outcome.Rows.Select(row => (row.Step, row.Outcome, row.Reason)), Is.EqualTo(new[]
        {
            ("fails", "failed", "on purpose"), ("needs", "skipped", "fails failed"), ("needs_too", "skipped", "fails failed"),
            ("sibling", "ran", "never built"), ("after", "ran", "never built"),
        }));
    }

    [Test]
    public async Task A_failure_that_may_pass_is_tried_again()
    {
        var attempts = 0;
        var step = Step("flaky", _ =>
        {
            if (++attempts < 3)
            {
                throw new IOException("the disk hiccuped");
            }
        });

        var outcome = await RunAsync(new SchedulerOptions { RetryDelay = TimeSpan.Zero }, plan => plan with { Retries = 2 }, step);

        Assert.That(outcome.Succeeded);
        Assert.That(_events.Of<StepRetried>().Select(e => (e.Attempt, e.Attempts, e.Message)), Is.EqualTo(new[] { (1, 3, "the disk hiccuped"), (2, 3, "the disk hiccuped") }));
    }

    [Test]
    public async Task A_failure_that_the_same_inputs_give_again_is_not_tried_again()
    {
        var attempts = 0;
        var step = Step("broken", _ =>
        {
            attempts++;
            throw new BuildException("the model is broken");
        });

        var outcome = await RunAsync(new SchedulerOptions { RetryDelay = TimeSpan.Zero }, plan => plan with { Retries = 5 }, step);

        Assert.That(outcome.Succeeded, Is.False);
        Assert.That(attempts, Is.EqualTo(1));
    }

    private static IEnumerable<TestCaseData> Failures()
    {
        yield return new TestCaseData(new OutOfMemoryException(), true);
        yield return new TestCaseData(new IOException("input/output error"), true);
        yield return new TestCaseData(new System.Runtime.InteropServices.ExternalException("CUDA error"), true);
        yield return new TestCaseData(new BuildException("could not", new IOException("input/output error")), true);
        yield return new TestCaseData(new StepTimeoutException("too long"), true);
        yield return new TestCaseData(new FileNotFoundException("gone"), false);
        yield return new TestCaseData(new EndOfStreamException("cut short"), false);
        yield return new TestCaseData(new IOException("no space left on the device", 28), false);
        yield return new TestCaseData(new UnauthorizedAccessException("no"), false);
        yield return new TestCaseData(new BuildException("the model is broken"), false);
        yield return new TestCaseData(new InvalidOperationException("a fault of ours"), false);
    }

    [TestCaseSource(nameof(Failures))]
    public void Only_what_may_pass_by_itself_may_pass(Exception failure, bool mayPass) => Assert.That(PassingFailures.MayPass(failure), Is.EqualTo(mayPass));

    [Test]
    public async Task A_step_that_takes_too_long_is_stopped_and_says_which_setting_it_was()
    {
        var endless = new SmallStep { Name = "endless", Action = (_, token) => Task.Delay(Timeout.Infinite, token) };

        var outcome = await RunAsync(new SchedulerOptions(), plan => plan with { Timeout = TimeSpan.FromMilliseconds(1) }, endless);

        Assert.That(outcome.Failures.Single(), Is.TypeOf<StepTimeoutException>().With.Message.StartsWith("endless took longer than 0.001 s (execution.timeout)"));
    }

    [Test]
    public async Task Cancelling_stops_the_steps_at_work_and_says_so_of_the_others()
    {
        using var source = new CancellationTokenSource();
        var stops = new SmallStep
        {
            Name = "stops",
            Action = async (_, token) =>
            {
                await source.CancelAsync();
                await Task.Delay(Timeout.Infinite, token);
            },
        };
        var plan = new ScheduledPlan { Plan = BuildPlan.Create("r", [stops, Step("next", _ => { }, "stops")], _store) };

        Assert.That(async () => await Scheduler(new SchedulerOptions()).RunAsync([plan], source.Token), Throws.InstanceOf<OperationCanceledException>());
        var end = _events.Of<BuildFinished>().Single();
        Assert.That(end.Succeeded, Is.False);
        Assert.That(end.Rows.Select(row => (row.Step, row.Outcome, row.Reason)), Is.EqualTo(new[] { ("stops", "skipped", "stopped"), ("next", "skipped", "stopped") }));
    }

    [Test]
    public async Task What_a_failed_step_had_written_is_kept_on_request_with_its_last_lines_and_its_command()
    {
        var fails = Step("fails", context =>
        {
            File.WriteAllText(Path.Combine(context.OutputFolder, "half"), "half");
            File.WriteAllText(Path.Combine(context.WorkFolder, "notes"), "notes");
            for (var i = 1; i <= 7; i++)
            {
                context.Reporter.Line($"line {i}");
            }

            throw new BuildException("on purpose");
        });

        await RunAsync(new SchedulerOptions { KeepFailedIn = _fixture.At("failed") }, plan => plan with { Command = step => $"layercake step {step}" }, fails);

        var failed = _events.Of<StepFailed>().Single();
        var folder = _fixture.At("failed", $"fails-{failed.Key.Short}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(failed.LastLines, Is.EqualTo(new[] { "line 3", "line 4", "line 5", "line 6", "line 7" }));
            Assert.That(failed.Again, Is.EqualTo("layercake step fails"));
            Assert.That(File.ReadAllText(Path.Combine(folder, "output", "half")), Is.EqualTo("half"));
            Assert.That(File.ReadAllText(Path.Combine(folder, "work", "notes")), Is.EqualTo("notes"));
            Assert.That(_store.Find(failed.Key).Record, Is.Null);
        }
    }

    [Test]
    public async Task A_target_runs_what_it_needs_and_no_more()
    {
        var outcome = await RunAsync(new SchedulerOptions(), plan => plan with { Target = "left" }, Step("first"), Step("left", _ => { }, "first"), Step("right", _ => { }, "first"));

        Assert.That(outcome.Rows.Select(row => row.Step), Is.EqualTo(new[] { "first", "left" }));
    }

    [Test]
    public async Task The_table_has_the_same_results_on_a_second_run_all_cached()
    {
        IBuildStep[] steps = [Step("first"), Step("second", _ => { }, "first")];
        await RunAsync(new SchedulerOptions(), steps);

        var outcome = await RunAsync(new SchedulerOptions(), steps);

        Assert.That(outcome.Rows.Select(row => (row.Step, row.Outcome, row.Reason)), Is.EqualTo(new[] { ("first", "cached", "up to date"), ("second", "cached", "up to date") }));
    }

    private static SmallStep Step(string name, params string[] after) => Step(name, static _ => { }, after);

    private static SmallStep Step(string name, Action<StepContext> action, params string[] after) => new()
    {
        Name = name,
        DependsOn = after,
        Action = (context, _) =>
        {
            action(context);
            File.WriteAllText(Path.Combine(context.OutputFolder, "name"), name);
            return Task.CompletedTask;
        },
    };

    private Task<BuildOutcome> RunAsync(SchedulerOptions options, params IBuildStep[] steps) => RunAsync(options, plan => plan, steps);

    private Task<BuildOutcome> RunAsync(SchedulerOptions options, Func<ScheduledPlan, ScheduledPlan> change, params IBuildStep[] steps) =>
        Scheduler(options).RunAsync([change(new ScheduledPlan { Plan = BuildPlan.Create("r", [.. steps.Select(Light)], _store) })]);

    private BuildScheduler Scheduler(SchedulerOptions options) => new(_store, new BuildEventStream(_store.Time, EventText.Plain, [_events]), options);

    private static IBuildStep Light(IBuildStep step) => step is Demanding ? step : new Demanding(step, StepDemand.Light);

    /// <summary>A step with another demand.</summary>
    private sealed class Demanding(IBuildStep step, StepDemand demand) : IBuildStep
    {
        public string Name => step.Name;

        public int Version => step.Version;

        public IReadOnlyList<string> DependsOn => step.DependsOn;

        public IReadOnlyList<StepInput> Inputs => step.Inputs;

        public StepDemand Demand => demand;

        public void AddTo(LayerCake.Recipes.IKeyWriter key) => step.AddTo(key);

        public Task RunAsync(StepContext context, CancellationToken token) => step.RunAsync(context, token);
    }

    /// <summary>Two steps that each wait for the other; too long alone, they fail.</summary>
    private sealed class Barrier(int count) : IDisposable
    {
        private readonly CountdownEvent _arrivals = new(count);

        public void Meet(StepContext context)
        {
            _arrivals.Signal();
            Assert.That(_arrivals.Wait(TimeSpan.FromSeconds(60)), "the other step did not run at the same time");
        }

        public void Dispose() => _arrivals.Dispose();
    }

    /// <summary>How many steps were at work at once. Where two are expected, each waits for the other.</summary>
    private sealed class Overlap(int expected)
    {
        private readonly Lock _gate = new();
        private readonly CountdownEvent _arrivals = new(expected);
        private int _now;

        public int Most { get; private set; }

        public void Enter(StepContext context)
        {
            lock (_gate)
            {
                Most = Math.Max(Most, ++_now);
            }

            if (expected > 1)
            {
                _arrivals.Signal();
                _arrivals.Wait(TimeSpan.FromSeconds(60));
            }

            lock (_gate)
            {
                _now--;
            }
        }
    }
}
