using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Recipes;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

public sealed class BuildCheckTests
{
    [Test]
    public async Task Steps_that_give_the_same_bytes_pass_and_leave_nothing_behind()
    {
        using var folder = new TemporaryFolder();
        IBuildStep[] steps = [new Numbers("first", []), new Numbers("second", ["first"])];

        var result = await CheckAsync(folder, steps);

        Assert.That(result, Is.EqualTo(new BuildCheckResult(result.Steps, null)));
        Assert.That(result.Steps, Is.EqualTo(new[] { "first", "second" }));
        Assert.That(Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName), Is.EquivalentTo(new[] { "store" }), "the scratch folder and its lock are gone");
    }

    [Test]
    public async Task The_first_step_file_and_tensor_that_differ_are_named()
    {
        using var folder = new TemporaryFolder();
        IBuildStep[] steps = [new Numbers("first", []), new Numbers("second", ["first"]) { Seed = new Random(7) }, new Numbers("third", ["second"])];

        var result = await CheckAsync(folder, steps);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Steps, Is.EqualTo(new[] { "first", "second" }), "what comes after has other inputs");
            Assert.That((result.Failure!.Step, result.Failure.File), Is.EqualTo(("second", "numbers.safetensors")));
            Assert.That(result.Failure.Difference.DifferingTensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "numbers.safetensors/drawn" }));
            Assert.That(result.Failure.Message, Does.StartWith("second is not deterministic").And.Contain("the tensor numbers.safetensors/drawn differs in 1 of 4 elements, first at [2]"));
        }
    }

    [Test]
    public async Task Nothing_is_taken_from_or_written_to_the_store()
    {
        using var folder = new TemporaryFolder();
        var step = new Numbers("first", []);
        await CheckAsync(folder, [step]);
        var before = Directory.EnumerateFiles(folder.At("store"), "*", SearchOption.AllDirectories).Select(file => (file, File.GetLastWriteTimeUtc(file))).ToList();
        step.Runs = 0;

        await CheckAsync(folder, [step]);

        Assert.That(step.Runs, Is.EqualTo(1), "the build found its result, the check ran the step");
        Assert.That(before.Where(file => file.file.Contains("cas", StringComparison.Ordinal)), Is.SubsetOf(
            Directory.EnumerateFiles(folder.At("store"), "*", SearchOption.AllDirectories).Select(file => (file, File.GetLastWriteTimeUtc(file)))));
    }

    [Test]
    public void A_step_without_a_result_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var store = ArtifactStore.Open(folder.At("store"));
        IBuildStep[] steps = [new Numbers("first", [])];
        var plan = BuildPlan.Create("demo", steps, store);

        Assert.That(
            () => BuildCheck.RunAsync(plan, steps, store, folder.At("scratch"), SilentReporter.Instance),
            Throws.TypeOf<BuildException>().With.Message.EqualTo("first has no result in the store to compare with (never built); build demo first"));
    }

    private static async Task<BuildCheckResult> CheckAsync(TemporaryFolder folder, IBuildStep[] steps)
    {
        using var store = ArtifactStore.Open(folder.At("store"));
        foreach (var step in steps)
        {
            await new StepRunner(store, SilentReporter.Instance).RunAsync(BuildPlan.Create("demo", steps, store), step.Name);
        }

        return await BuildCheck.RunAsync(BuildPlan.Create("demo", steps, store), steps, store, folder.At("scratch"), SilentReporter.Instance);
    }

    /// <summary>Writes a tensor; with a seed one number of it is another one each time.</summary>
    private sealed class Numbers(string name, IReadOnlyList<string> after) : IBuildStep
    {
        public Random? Seed { get; init; }

        public int Runs { get; set; }

        public string Name => name;

        public int Version => 1;

        public IReadOnlyList<string> DependsOn => after;

        public IReadOnlyList<StepInput> Inputs => [];

        public void AddTo(IKeyWriter key) => key.Add("name", name);

        public Task RunAsync(StepContext context, CancellationToken token)
        {
            Runs++;
            using var writer = SafetensorsWriter.Create(
                Path.Combine(context.OutputFolder, "numbers.safetensors"), [TensorInfo.Of("fixed", DType.F32, 4), TensorInfo.Of("drawn", DType.F32, 4)]);
            writer.Write("fixed", new byte[16]);
            writer.Write("drawn", [.. new byte[8], .. BitConverter.GetBytes(Seed?.NextSingle() ?? 0), .. new byte[4]]);
            writer.Complete();
            return Task.CompletedTask;
        }
    }
}
