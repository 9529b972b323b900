using LayerCake.Building;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Interruptions;

/// <summary>Builds that are killed, and run again: the bytes are those of an undisturbed build.</summary>
public sealed class KillTests : IDisposable
{
    private const int Killed = 128 + LayerCakeCommand.Kill;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The steps before convert are there already: the points are the same in every step, and this is quicker.
    // Where the system exchanges two folders in one step, none is ever moved aside.
    private static IEnumerable<string> Points() => FaultPoints.Build.Where(point => point != FaultPoints.PlaceMovedAside);

    [TestCaseSource(nameof(Points))]
    [TestCase("blob.published:7")]
    [TestCase("record.published:2")]
    [TestCase("place.file:50")]
    public void A_build_killed_at_any_point_and_run_again_gives_the_bytes_of_an_undisturbed_one(string point)
    {
        UndisturbedBuild.CopyQuantizedStore(_folder);

        var killed = UndisturbedBuild.Run(_folder, ["build"], fault: point);

        Assert.That(killed.ExitCode, Is.EqualTo(Killed), killed.Output + killed.Error);
        AssertNothingHalfMade();
        UndisturbedBuild.AssertCompletes(_folder);
    }

    [TestCase(FaultPoints.StepFinished)]
    [TestCase(FaultPoints.RecordWritten)]
    public void So_does_one_killed_in_its_first_step(string point)
    {
        var killed = UndisturbedBuild.Run(_folder, ["build"], fault: point);

        Assert.That(killed.ExitCode, Is.EqualTo(Killed), killed.Output + killed.Error);
        Assert.That(Directory.Exists(_folder.At("artifacts", UndisturbedBuild.RecipeName)), Is.False);
        UndisturbedBuild.AssertCompletes(_folder);
    }

    [Test]
    public void So_does_one_killed_at_random_moments([Range(1, 3)] int seed) => KillAtRandom(seed);

    [Test]
    [Category("Slow")]
    [Explicit("Minutes of killing: dotnet test tests/LayerCake.Cli.Tests --filter TestCategory=Slow -- NUnit.ExplicitMode=Relaxed")]
    public void So_does_one_killed_at_many_random_moments([Range(100, 139)] int seed) => KillAtRandom(seed);

    [TestCase("model.layers.0 smooth weight done.", "lite", "auto_awq", "model", "out")]
    [TestCase("output_format          fp16", "convert", "internlm-chat-7b", "model", "--dst_path", "out")]
    public void A_command_killed_and_run_again_leaves_nothing_but_its_result(string line, params string[] command)
    {
        using var undisturbed = new TemporaryFolder();
        foreach (var folder in new[] { undisturbed, _folder })
        {
            Models.Copy("internlm", folder.At("model"));
            if (command[0] == "lite")
            {
                Directory.CreateDirectory(folder.At("out"));
                Models.CopyFile(RepositoryFiles.Golden("internlm", "work_dir", "inputs_stats.pth"), folder.At("out", "inputs_stats.pth"));
            }
        }

        using (var process = LayerCakeCommand.Start(_folder.Path, command))
        {
            while (process.StandardOutput.ReadLine() is { } printed && printed != line)
            {
            }

            process.Kill();
            Assert.That(LayerCakeCommand.End(process).ExitCode, Is.EqualTo(Killed));
        }

        LayerCakeCommand.Run(_folder.Path, command).Succeeded();
        LayerCakeCommand.Run(undisturbed.Path, command).Succeeded();
        Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(Snapshot.Of(undisturbed.Path)));
    }

    [Test]
    public void A_point_that_does_not_exist_is_told() => UndisturbedBuild.Run(_folder, ["build"], fault: "nowhere").WasRefusedWith(
        ExitCode.Storage, Does.StartWith("layercake: LAYERCAKE_FAULT=nowhere: no such point; the points are lock.taken, "));

    private void KillAtRandom(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 2; round++)
        {
            using var process = LayerCakeCommand.Start(_folder.Path, ["build", .. UndisturbedBuild.RecipeArguments]);
            if (!process.WaitForExit(UndisturbedBuild.Duration * random.NextDouble()))
            {
                process.Kill();
            }

            LayerCakeCommand.End(process);
            AssertNothingHalfMade();
        }

        UndisturbedBuild.AssertCompletes(_folder);
    }

    private void AssertNothingHalfMade()
    {
        var package = _folder.At("artifacts", UndisturbedBuild.RecipeName);
        if (Directory.Exists(package))
        {
            Assert.That(Snapshot.Of(package), Is.EqualTo(UndisturbedBuild.Package), "a workspace is complete or absent");
        }
    }
}
