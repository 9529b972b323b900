using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Interruptions;

/// <summary>Ctrl+C in the middle of the work.</summary>
public sealed class InterruptTests : IDisposable
{
    private const string Loading = "Loading calibrate dataset ...";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestCase("build", null)]
    [TestCase("step", "calibrate")]
    public void An_interrupted_calibration_keeps_nothing_and_a_second_run_completes(string command, string? step)
    {
        InterruptAt(Loading, [command, .. step is null ? Array.Empty<string>() : [step], .. UndisturbedBuild.RecipeArguments]);

        Assert.That(Directory.Exists(_folder.At("artifacts", UndisturbedBuild.RecipeName)), Is.False);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.At("artifacts", ".cache", "tmp")), Is.Empty);
        Assert.That(Directory.Exists(_folder.At("artifacts", ".cache", "steps")), Is.False);
        UndisturbedBuild.AssertCompletes(_folder);
    }

    [Test]
    public void A_build_interrupted_in_a_later_step_keeps_the_steps_before_it()
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);

        InterruptAt("model.layers.0 smooth weight done.", ["build", .. UndisturbedBuild.RecipeArguments]);

        Assert.That(Directory.Exists(_folder.At("artifacts", UndisturbedBuild.RecipeName)), Is.False);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.At("artifacts", ".cache", "tmp")), Is.Empty);
        var again = UndisturbedBuild.AssertCompletes(_folder);
        Assert.That(again.Output, Does.Contain("\nkv_qparams: cached ").And.Contain("\nauto_awq: ran "));
    }

    [TestCase(LayerCakeCommand.Interrupt)]
    [TestCase(LayerCakeCommand.Terminate)]
    public void A_stopped_command_leaves_its_output_folder_as_it_was(int signal)
    {
        SmallRecipe.WriteText(_folder);
        Models.CopyFolder(RepositoryFiles.Golden("internlm", "work_dir"), _folder.At("work"));
        var before = Snapshot.Of(_folder.Path);

        InterruptAt(Loading, ["lite", "calibrate", RepositoryFiles.DemoModel, "text.txt", "1000", "64", "work"], signal);

        Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
    }

    private void InterruptAt(string line, string[] arguments, int signal = LayerCakeCommand.Interrupt)
    {
        using var process = LayerCakeCommand.Start(_folder.Path, arguments);
        while (process.StandardOutput.ReadLine() is { } printed && printed != line)
        {
        }

        LayerCakeCommand.Signal(process, signal);

        var result = LayerCakeCommand.End(process);
        result.WasRefused(ExitCode.Interrupted, "stopped; nothing half-made was kept");
    }
}
