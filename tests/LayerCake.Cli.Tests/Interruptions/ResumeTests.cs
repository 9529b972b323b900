using LayerCake.Building;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Interruptions;

/// <summary>Steps that are killed in the middle go on from the last finished layer. The demo model has six.</summary>
public sealed class ResumeTests : IDisposable
{
    private const int Killed = 128 + LayerCakeCommand.Kill;
    private const int Layers = 6;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestCase(FaultPoints.PartPublished, 1, 1)]
    [TestCase(FaultPoints.PartPublished, 4, 4)]
    [TestCase(FaultPoints.PartPublished, 6, 6)]
    [TestCase(FaultPoints.PartWritten, 3, 2)]
    public void Auto_awq_killed_after_a_layer_does_only_those_that_are_left(string point, int passing, int finished)
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);
        var killed = UndisturbedBuild.Run(_folder, ["build"], fault: $"{point}:{passing}");
        Assert.That(killed.ExitCode, Is.EqualTo(Killed), killed.Output + killed.Error);

        var result = UndisturbedBuild.AssertCompletes(_folder);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Output.Split('\n').Count(line => line.EndsWith(" smooth weight done.", StringComparison.Ordinal)), Is.EqualTo(Layers - finished));
            Assert.That(result.Output, Does.Contain(finished < Layers
                ? $"auto_awq: goes on from layer {finished + 1} of {Layers} (an earlier run stopped there)\n"
                : $"auto_awq: all {Layers} layers are finished (an earlier run stopped after them)\n"));
            Assert.That(Directory.EnumerateFileSystemEntries(_folder.At("artifacts", ".cache", "parts")), Is.Empty, "nothing is kept once the result is there");
        }
    }

    // A layer has two parts: its statistics, and the hidden states after it.
    [TestCase(FaultPoints.PartPublished, 2, 1)]
    [TestCase(FaultPoints.PartPublished, 8, 4)]
    [TestCase(FaultPoints.PartPublished, 12, 6)]
    [TestCase(FaultPoints.PartPublished, 7, 3)]
    [TestCase(FaultPoints.PartWritten, 8, 3)]
    [TestCase(FaultPoints.PartRemoved, 2, 3)]
    public void Calibrate_killed_after_a_layer_does_only_those_that_are_left(string point, int passing, int finished)
    {
        var killed = UndisturbedBuild.Run(_folder, ["build"], fault: $"{point}:{passing}");
        Assert.That(killed.ExitCode, Is.EqualTo(Killed), killed.Output + killed.Error);

        var result = UndisturbedBuild.AssertCompletes(_folder);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Output.Split('\n').Count(line => line.Contains(", samples: 2, max gpu memory: ", StringComparison.Ordinal)), Is.EqualTo(Layers - finished));
            Assert.That(result.Output, Does.Contain($"calibrate: {(finished < Layers ? $"goes on from layer {finished + 1} of" : "all")} {Layers} "));
            Assert.That(Directory.EnumerateFileSystemEntries(_folder.At("artifacts", ".cache", "parts")), Is.Empty);
        }
    }

    [Test]
    public void A_step_killed_again_and_again_gets_done()
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);
        for (var layer = 0; layer < Layers; layer++)
        {
            Assert.That(UndisturbedBuild.Run(_folder, ["build"], fault: FaultPoints.PartPublished).ExitCode, Is.EqualTo(Killed));
        }

        var result = UndisturbedBuild.AssertCompletes(_folder);
        Assert.That(result.Output, Does.Contain($"auto_awq: all {Layers} layers are finished"));
    }

    [Test]
    public void A_changed_recipe_starts_afresh_and_says_why()
    {
        var killed = UndisturbedBuild.Run(_folder, ["step", "calibrate"], fault: $"{FaultPoints.PartPublished}:4");
        Assert.That(killed.ExitCode, Is.EqualTo(Killed), killed.Output + killed.Error);

        var result = UndisturbedBuild.Run(_folder, ["step", "calibrate", "--set", "calibrate.seed=7"]).Succeeded();

        Assert.That(result.Output, Does.StartWith("calibrate: starts afresh: calibrate.seed 0 → 7\n"));
        Assert.That(result.Output, Does.Contain("model.layers.0, samples: 2"));
    }

    [Test]
    public void A_damaged_part_is_done_again_and_the_others_are_not()
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);
        Assert.That(UndisturbedBuild.Run(_folder, ["build"], fault: $"{FaultPoints.PartPublished}:4").ExitCode, Is.EqualTo(Killed));
        var damaged = Directory.EnumerateFiles(_folder.At("artifacts", ".cache", "parts"), "*", SearchOption.AllDirectories)
            .First(file => Path.GetExtension(file).Length == 0);
        using (var file = File.OpenWrite(damaged))
        {
            file.Position = 5000;
            file.WriteByte(0xa5);
            file.WriteByte(0x5a);
        }

        var result = UndisturbedBuild.AssertCompletes(_folder);

        Assert.That(result.Output, Does.Contain("of an earlier run is not used: it is damaged\n"));
        Assert.That(result.Output.Split('\n').Count(line => line.EndsWith(" smooth weight done.", StringComparison.Ordinal)), Is.EqualTo(Layers - 3));
    }

    [Test]
    public void The_lite_commands_keep_no_parts()
    {
        Models.Copy("internlm", _folder.At("model"));
        Directory.CreateDirectory(_folder.At("out"));
        Models.CopyFile(RepositoryFiles.Golden("internlm", "work_dir", "inputs_stats.pth"), _folder.At("out", "inputs_stats.pth"));

        LayerCakeCommand.Run(_folder.Path, ["lite", "auto_awq", "model", "out"], fault: FaultPoints.PartPublished).Succeeded();
    }
}
