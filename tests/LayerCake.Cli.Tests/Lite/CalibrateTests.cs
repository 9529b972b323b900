using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Lite;

/// <summary><c>layercake lite calibrate</c> on the demo model.</summary>
public sealed class CalibrateTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public CalibrateTests() => SmallRecipe.WriteText(_folder);

    public void Dispose() => _folder.Dispose();

    [Test]
    public void The_four_statistics_files_are_written_with_the_layers_lines_and_again_with_the_same_bytes()
    {
        var result = Run("--model", RepositoryFiles.DemoModel, "--calib_dataset", "text.txt", "--calib_samples", "2", "--calib_seqlen", "16", "--work_dir", "one").Succeeded();
        Run(RepositoryFiles.DemoModel, "text.txt", "2", "16", "two", "cpu").Succeeded();
        Run(RepositoryFiles.DemoModel, "--calib-dataset=text.txt", "--calib-samples=2", "--calib-seqlen=16", "--seed", "5").Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Output, Does.StartWith("Loading calibrate dataset ...\n").And.Match(@"\nmodel\.layers\.5, samples: 2, max gpu memory: \d+\.\d\d GB\n$"));
            Assert.That(
                Directory.EnumerateFileSystemEntries(_folder.At("one")).Select(Path.GetFileName),
                Is.EquivalentTo(new[] { "inputs_stats.pth", "key_stats.pth", "outputs_stats.pth", "value_stats.pth" }));
            Assert.That(Snapshot.Of(_folder.At("two")), Is.EqualTo(Snapshot.Of(_folder.At("one"))));
            Assert.That(Snapshot.Of(_folder.At("work_dir")), Is.Not.EqualTo(Snapshot.Of(_folder.At("one"))), "another seed draws other samples");
        }

        using var keys = TorchArchive.Open(_folder.At("one", "key_stats.pth"));
        Assert.That(keys.Tensors.Select(tensor => tensor.Name), Does.Contain("absmax/model.layers.5").And.Contain("min/model.layers.0"));
    }

    [Test]
    public void A_device_that_is_not_there_is_told()
    {
        var result = Run(RepositoryFiles.DemoModel, "text.txt", "1", "16", "work", "tpu");

        Assert.That(result.ExitCode, Is.Not.Zero.And.Not.EqualTo((int)ExitCode.Fault), result.Error);
        Assert.That(result.Error, Does.StartWith("layercake: ").And.Contain("tpu").And.Contain("auto, cpu or cuda"));
    }

    private CommandResult Run(params string[] arguments) => LayerCakeCommand.Run(_folder.Path, ["lite", "calibrate", .. arguments]);
}
