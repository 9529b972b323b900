using LayerCake.Building;
using LayerCake.Recipes;
using LayerCake.Steps;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

/// <summary>The demo recipe built once with few samples, kv_qparams beside auto_awq, for all tests that look at it.</summary>
[SetUpFixture]
internal sealed class DemoReport
{
    private static readonly Lazy<DemoReport> Shared = new(() => new DemoReport().Build());

    private TemporaryFolder? _folder;
    private BuildReportData? _data;

    public static BuildReportData Data => Shared.Value._data!;

    public static RecipeBuild Recipe => RecipeBuild.Open(Read(), Shared.Value._folder!.At("artifacts"));

    public static string StoreFolder => RecipeBuild.StoreFolder(Shared.Value._folder!.At("artifacts"));

    [OneTimeTearDown]
    public void Remove() => _ = Shared.IsValueCreated && Dispose(Shared.Value._folder!);

    private static Recipe Read() =>
        RecipeReader.Load(
            RepositoryFiles.Recipes("internlm-tiny-w4kv8.yaml"),
            [
                "calibrate.samples=2", "calibrate.sequence_length=64", "execution.device=cpu",
                // Calibrated on so little it loses more than the recipe's limits allow.
                $"evaluate={{ dataset: {RepositoryFiles.Recipes("data", "prose-eval.txt")}, window: 64, windows: 2 }}",
            ]);

    private static bool Dispose(TemporaryFolder folder)
    {
        folder.Dispose();
        return true;
    }

    private DemoReport Build()
    {
        _folder = new TemporaryFolder();
        var build = RecipeBuild.Open(Read(), _folder.At("artifacts"));
        using var store = ArtifactStore.Open(RecipeBuild.StoreFolder(_folder.At("artifacts")), new StoreOptions { ProgramVersion = "1.2.3" });
        var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, store);
        var log = new RecordedEvents();
        var scheduler = new BuildScheduler(store, new BuildEventStream(TimeProvider.System, EventText.Plain, [log]), new SchedulerOptions { Jobs = 2 });
        scheduler.RunAsync([new ScheduledPlan { Plan = plan }]).GetAwaiter().GetResult().ThrowIfFailed();
        _data = new ReportCollector(store).Collect(BuildPlan.Create(build.Recipe.Name, build.Steps, store), "artifacts/demo", log.Events);
        return this;
    }

    private sealed class RecordedEvents : IBuildEventSink
    {
        public List<BuildEvent> Events { get; } = [];

        public void Take(BuildEvent @event) => Events.Add(@event);
    }
}
