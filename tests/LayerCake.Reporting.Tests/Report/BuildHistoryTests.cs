using LayerCake.Building;
using LayerCake.Recipes;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

public sealed class BuildHistoryTests
{
    private static readonly StepKey Key = new(Digest.Of("key"));

    [Test]
    public void Steps_have_the_times_and_outcomes_of_the_log()
    {
        var history = Of(
            new BuildStarted(["demo", "other"], 2, "1.2.3", 0),
            new StepPlanned("demo", "first", Key, "run", "never built", []),
            new StepPlanned("demo", "second", Key, "run", "never built", ["first"]),
            new StepStarted("other", "first", 1),
            new StepStarted("demo", "first", 1) { At = Seconds(1) },
            new StepRetried("demo", "first", 1, 2, "gone"),
            new StepStarted("demo", "first", 2) { At = Seconds(2) },
            new StepFinished("demo", "first", Key, OutcomeWords.Ran, "never built", Seconds(3), 10) { At = Seconds(4) },
            new StepFinished("demo", "second", Key, OutcomeWords.Remote, "fetched", Seconds(1), 20) { At = Seconds(5) });

        using (Assert.EnterMultipleScope())
        {
            Assert.That((history.Outcome, history.ProgramVersion, history.Duration), Is.EqualTo(("succeeded", "1.2.3", Seconds(5))));
            Assert.That(history.Steps().Select(step => (step.Name, step.Outcome, step.Started, step.Elapsed, step.Bytes)), Is.EqualTo(new[]
            {
                ("first", "ran", Seconds(1), Seconds(3), 10L), ("second", "from remote cache", Seconds(5), Seconds(1), 20L),
            }));
        }
    }

    [Test]
    public void A_failure_is_told_and_what_comes_after_is_skipped()
    {
        var history = Of(
            new StepPlanned("demo", "first", Key, "run", "never built", []),
            new StepPlanned("demo", "second", Key, "run", "never built", ["first"]),
            new StepStarted("demo", "first", 1),
            new StepFailed("demo", "first", Key, "no memory", 1, Seconds(1), [], null, null) { At = Seconds(1) },
            new StepSkipped("demo", "second", "first failed") { At = Seconds(1) });

        Assert.That((history.Outcome, history.Failure), Is.EqualTo(("failed", "first: no memory")));
        Assert.That(history.Steps().Select(step => step.Outcome), Is.EqualTo(new[] { "failed", "skipped" }));
    }

    [Test]
    public void A_log_that_ends_with_a_killed_build_is_one_that_stopped()
    {
        var history = Of(
            new StepPlanned("demo", "first", Key, "run", "never built", []),
            new StepStarted("demo", "first", 1) { At = Seconds(1) },
            new StepProgress("demo", "first", "layers", 1, 8) { At = Seconds(3) });

        Assert.That(history.Outcome, Is.EqualTo("stopped"));
        Assert.That(history.Steps().Select(step => (step.Outcome, step.Elapsed)), Is.EqualTo(new[] { ("not finished", Seconds(2)) }));
    }

    [Test]
    public void Without_a_log_the_steps_are_those_of_the_plan()
    {
        var history = Of();

        Assert.That(history.Steps().Select(step => (step.Name, step.Outcome)), Is.EqualTo(new[] { ("only", "not finished") }));
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static BuildHistory Of(params BuildEvent[] events)
    {
        using var folder = new TemporaryFolder();
        using var store = ArtifactStore.Open(folder.At("store"));
        return BuildHistory.Of(BuildPlan.Create("demo", [new Only()], store), events);
    }

    private sealed class Only : IBuildStep
    {
        public string Name => "only";

        public int Version => 1;

        public IReadOnlyList<string> DependsOn => [];

        public IReadOnlyList<StepInput> Inputs => [];

        public void AddTo(IKeyWriter key)
        {
        }

        public Task RunAsync(StepContext context, CancellationToken token) => Task.CompletedTask;
    }
}
