using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Lite;

/// <summary><c>layercake lite auto_awq</c> on the models and statistics of the original.</summary>
public sealed class AutoAwqTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public AutoAwqTests() => Directory.CreateDirectory(_folder.At("work"));

    public void Dispose() => _folder.Dispose();

    [TestCase("internlm", "{model}", "work", "--format", "bin")]
    [TestCase("internlm", "--model={model}", "--work_dir=work", "--w_bits=4", "--w-group-size=128", "--w_sym", "False")]
    [TestCase("llama-gqa", "--model", "{model}", "--work-dir", "work", "--format=bin", "--now_sym")]
    [TestCase("llama-gqa", "{model}", "work", "4", "False", "128", "cpu")]
    [TestCase("llama-sharded-bf16", "{model}", "--work_dir", "work", "--format", "bin")]
    [TestCase("llama-sharded-bf16", "{model}", "work")]
    public void The_checkpoint_holds_the_tensors_of_the_original(string golden, params string[] arguments)
    {
        Models.CopyFile(RepositoryFiles.Golden(golden, "work_dir", "inputs_stats.pth"), _folder.At("work", "inputs_stats.pth"));

        var result = Run(golden, arguments).Succeeded();

        Assert.That(result.Output, Does.Contain("model.layers.0 smooth weight done.\n").And.Contain("model.layers.0.self_attn.q_proj weight packed.\n"));
        var bin = arguments.Any(argument => argument.EndsWith("bin", StringComparison.Ordinal));
        using ITensorSource made = bin ? TorchArchive.Open(_folder.At("work", "pytorch_model.bin")) : SafetensorsFile.Open(_folder.At("work", "model.safetensors"));
        using var wanted = TorchArchive.Open(RepositoryFiles.Golden(golden, "awq", "pytorch_model.bin"));
        AssertSame(made, wanted);
        Assert.That(Directory.EnumerateFiles(_folder.At("work"), bin ? "*.safetensors" : "*.bin"), Is.Empty);
    }

    [Test]
    public void An_earlier_result_is_replaced_and_a_refused_run_leaves_it()
    {
        Models.CopyFile(RepositoryFiles.Golden("internlm", "work_dir", "inputs_stats.pth"), _folder.At("work", "inputs_stats.pth"));
        Run("internlm", "{model}", "work").Succeeded();
        var first = Snapshot.Of(_folder.Path);

        Run("internlm", "{model}", "work", "--w_bits", "3").WasRefusedWith(ExitCode.Input, Does.Contain("3").And.Contain("4"));
        Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(first));
        Run("internlm", "{model}", "work").Succeeded();
        Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(first));
    }

    [TestCase("--format", "gguf", "--format takes safetensors or bin, not 'gguf'.")]
    [TestCase("--device", "tpu", "--device takes auto, cpu or cuda, not 'tpu'.")]
    [TestCase("--w_group_size", "-1", "--w_group_size takes a whole number from 1 on, not '-1'.")]
    public void A_value_that_cannot_be_is_refused(string flag, string value, string message) =>
        Run("internlm", "{model}", "work", flag, value).WasRefused(ExitCode.Usage, message);

    private static void AssertSame(ITensorSource made, ITensorSource wanted)
    {
        Assert.That(made.Tensors.Select(tensor => tensor.Name), Is.EquivalentTo(wanted.Tensors.Select(tensor => tensor.Name)));
        using (Assert.EnterMultipleScope())
        {
            foreach (var tensor in wanted.Tensors)
            {
                var twin = made.Tensors.Single(other => other.Name == tensor.Name);
                Assert.That((twin.DType, string.Join('x', twin.Shape)), Is.EqualTo((tensor.DType, string.Join('x', tensor.Shape))), tensor.Name);
                Assert.That(made.ReadAll(tensor.Name).AsSpan().SequenceEqual(wanted.ReadAll(tensor.Name)), Is.True, tensor.Name);
            }
        }
    }

    private CommandResult Run(string golden, params string[] arguments) => LayerCakeCommand.Run(
        _folder.Path,
        ["lite", "auto_awq", .. arguments.Select(argument => argument.Replace("{model}", RepositoryFiles.Golden(golden, "model")))]);
}
