using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary><c>layercake inspect</c> of everything it knows.</summary>
public sealed class InspectTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestCase("internlm/model/model.safetensors", "safetensors", "model.layers.1.mlp.down_proj.weight", "F16", "[256, 256]", "131,072", "model.safetensors", 29, 1_939_968)]
    [TestCase("llama-sharded-bf16/model/pytorch_model-00002-of-00002.bin", "torch archive", "lm_head.weight", "BF16", "[96, 256]", "49,152", "pytorch_model-00002-of-00002.bin", 0, 0)]
    [TestCase("internlm/work_dir/key_stats.pth", "torch archive", "absmax/model.layers.1", "F16", "[2, 128]", "512", "key_stats.pth", 6, 3072)]
    [TestCase("llama-sharded-bf16/model/pytorch_model.bin.index.json", "weight index", "model.layers.0.self_attn.k_proj.weight", "BF16", "[128, 256]", "65,536", "pytorch_model-00001-of-00002.bin", 0, 0)]
    [TestCase("llama-sharded-bf16/model", "Hugging Face folder", "model.layers.0.self_attn.k_proj.weight", "BF16", "[128, 256]", "65,536", "pytorch_model-00001-of-00002.bin", 0, 0)]
    [TestCase("internlm/awq", "Hugging Face folder", "model.layers.0.self_attn.q_proj.qweight", "I32", "[256, 32]", "32,768", "pytorch_model.bin", 0, 0)]
    public void A_checkpoint_is_listed_as_text_and_as_json(
        string path, string format, string tensor, string dtype, string shape, string bytes, string file, int count, long total)
    {
        var full = RepositoryFiles.Golden(path.Split('/'));

        var text = Inspect(full).Succeeded().Output;
        using var json = JsonDocument.Parse(Inspect(full, "--json").Succeeded().Output);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.StartWith($"{full}: {format}\n"));
            Assert.That(text.Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))), Does.Contain($"{tensor} {dtype} {shape} {bytes} {file}"));
            var root = json.RootElement;
            Assert.That(root.GetProperty("path").GetString(), Is.EqualTo(full));
            Assert.That(root.GetProperty("format").GetString(), Is.EqualTo(format));
            var listed = root.GetProperty("tensors").EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == tensor);
            Assert.That(listed.GetProperty("dtype").GetString(), Is.EqualTo(dtype));
            Assert.That($"[{string.Join(", ", listed.GetProperty("shape").EnumerateArray())}]", Is.EqualTo(shape));
            Assert.That(listed.GetProperty("bytes").GetInt64(), Is.EqualTo(long.Parse(bytes.Replace(",", ""))));
            Assert.That(listed.GetProperty("file").GetString(), Is.EqualTo(file));
            Assert.That(root.GetProperty("faults").GetArrayLength(), Is.Zero);
            if (count > 0)
            {
                Assert.That(root.GetProperty("tensors").GetArrayLength(), Is.EqualTo(count));
                Assert.That(root.GetProperty("total_bytes").GetInt64(), Is.EqualTo(total));
            }
        }
    }

    [Test]
    public void A_workspace_is_listed_and_what_is_wrong_with_a_damaged_one_is_told()
    {
        LayerCakeCommand.Run(
            _folder.Path, "convert", "internlm-chat-7b", RepositoryFiles.Golden("internlm", "awq"), "awq", Models.DemoTokenizer, "--group-size", "128").Succeeded();
        var sound = Inspect("workspace").Succeeded().Output;
        var weights = _folder.At("workspace", "triton_models", "weights");
        Models.Truncate(Path.Combine(weights, "norm.weight"), 500);
        File.Delete(Path.Combine(weights, "output.weight"));

        var damaged = Inspect("workspace");
        var json = Inspect("workspace", "--json");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(sound, Does.StartWith("workspace: TurboMind workspace\n").And.Contain("  weight_type: int4\n").And.Contain("\n27 tensors, 592,384 bytes\n").And.Not.Contain("fault"));
            Assert.That((ExitCode)damaged.ExitCode, Is.EqualTo(ExitCode.Input));
            Assert.That(
                damaged.Output,
                Does.EndWith("fault: norm.weight: 500 bytes, but the engine expects 512\nfault: output.weight: missing (49152 bytes expected)\n"));
            Assert.That((ExitCode)json.ExitCode, Is.EqualTo(ExitCode.Input));
            using var document = JsonDocument.Parse(json.Output);
            Assert.That(
                document.RootElement.GetProperty("faults").EnumerateArray().Select(fault => fault.GetString()),
                Is.EqualTo(new[] { "norm.weight: 500 bytes, but the engine expects 512", "output.weight: missing (49152 bytes expected)" }));
            Assert.That(document.RootElement.GetProperty("metadata").GetProperty("group_size").GetString(), Is.EqualTo("128"));
        }
    }

    [Test]
    public void What_is_no_checkpoint_is_told()
    {
        File.WriteAllText(_folder.At("notes.txt"), "not a checkpoint");

        using (Assert.EnterMultipleScope())
        {
            Inspect("nothing").WasRefusedWith(ExitCode.Input, Does.StartWith("layercake: nothing does not exist"));
            Inspect("notes.txt").WasRefusedWith(ExitCode.Input, Does.StartWith("layercake: notes.txt"));
            Inspect(".").WasRefusedWith(ExitCode.Input, Does.Contain("holds no checkpoint"));
        }
    }

    private CommandResult Inspect(params string[] arguments) => LayerCakeCommand.Run(_folder.Path, ["inspect", .. arguments]);
}
