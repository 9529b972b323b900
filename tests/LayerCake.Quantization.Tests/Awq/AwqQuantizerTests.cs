using System.Text.Json;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization.Awq;
using LayerCake.Testing;

namespace LayerCake.Quantization.Tests.Awq;

public sealed class AwqQuantizerTests
{
    [Test]
    public void Progress_has_the_original_s_lines()
    {
        using var model = new PatchedModel("internlm");
        var progress = new List<AwqProgress>();

        model.Quantize(progress: progress.Add);

        string[] linears = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"];
        Assert.That(progress.Select(step => step.Line), Is.EqualTo(Enumerable.Range(0, 2).SelectMany(layer => linears
            .Select(linear => $"model.layers.{layer}.{linear} weight packed.")
            .Prepend($"model.layers.{layer} smooth weight done."))));
        Assert.That(progress.Select(step => step.LayersDone), Is.Ordered);
        Assert.That((progress[^1].LayersDone, progress[^1].LayerCount), Is.EqualTo((2, 2)));
    }

    [Test]
    public void Files_are_split_at_the_limit_and_an_index_names_them([Values] WeightFormat format)
    {
        using var model = new PatchedModel("internlm");
        model.Quantize(request => request with { Format = format });
        var whole = Tensors(model.Output);

        var result = model.Quantize(request => request with { Format = format, MaxShardBytes = 200_000 });

        var (stem, extension) = format == WeightFormat.Safetensors ? ("model", "safetensors") : ("pytorch_model", "bin");
        var shards = result.Files.Where(file => file.EndsWith($".{extension}", StringComparison.Ordinal)).ToArray();
        Assert.That(shards, Is.EqualTo(Enumerable.Range(1, shards.Length).Select(i => $"{stem}-{i:00000}-of-{shards.Length:00000}.{extension}")));
        Assert.That(shards, Has.Length.GreaterThan(2));
        Assert.That(File.Exists(Path.Combine(model.Output, $"{stem}.{extension}")), Is.False, "The weights of the run before are gone.");
        using var index = JsonDocument.Parse(File.ReadAllText(Path.Combine(model.Output, $"{stem}.{extension}.index.json")));
        Assert.That(index.RootElement.GetProperty("metadata").GetProperty("total_size").GetInt64(), Is.EqualTo(result.TensorBytes));
        Assert.That(Tensors(model.Output), Is.EqualTo(whole));
    }

    [Test]
    public void A_shard_ends_before_the_tensor_that_would_pass_the_limit()
    {
        TensorInfo[] tensors = [Bytes("a", 60), Bytes("b", 40), Bytes("c", 1), Bytes("d", 200), Bytes("e", 5)];

        var shards = AwqLayout.Shards(tensors, 100);

        Assert.That(shards.Select(shard => string.Concat(shard.Select(tensor => tensor.Name))), Is.EqualTo(["ab", "c", "d", "e"]));

        static TensorInfo Bytes(string name, int count) => new(name, DType.U8, [count], count);
    }

    [Test]
    public void Tensors_stand_in_the_original_s_order()
    {
        using var folder = Goldens.Open("internlm");
        using var original = TorchArchive.Open(RepositoryFiles.Golden("internlm", "awq", "pytorch_model.bin"));

        var tensors = AwqLayout.Tensors(ModelConfiguration.Read(folder), 128);

        Assert.That(tensors.Select(tensor => tensor.Name), Is.EqualTo(original.Tensors.Select(tensor => tensor.Name)));
    }

    [Test]
    public void The_same_input_gives_the_same_files_with_any_number_of_threads([Values] WeightFormat format)
    {
        using var model = new PatchedModel("internlm");
        var first = Digests(model.Quantize(request => request with { Format = format, Threads = 1 }), model.Output);

        var second = Digests(model.Quantize(request => request with { Format = format, Threads = 3 }), model.Output);

        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void The_configuration_gets_three_values_and_keeps_the_rest()
    {
        using var model = new PatchedModel("internlm");
        var text = File.ReadAllText(model.Path("config.json"))
            .Replace("\"torch_dtype\": \"float16\"", "\"torch_dtype\": \"bfloat16\"", StringComparison.Ordinal)
            .Replace("\"bias\": true", @"""bias"": true, ""extra"": {""b"": [1, 1e-06], ""a"": ""ü<""}", StringComparison.Ordinal);
        File.WriteAllText(model.Path("config.json"), text);

        model.Quantize();

        Assert.That(File.ReadAllText(Path.Combine(model.Output, "config.json")), Is.EqualTo("""
            {
              "architectures": [
                "InternLMForCausalLM"
              ],
              "bias": true,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "extra": {
                "a": "ü<",
                "b": [
                  1,
                  1e-06
                ]
              },
              "fp16": true,
              "hidden_act": "silu",
              "hidden_size": 256,
              "initializer_range": 0.02,
              "intermediate_size": 256,
              "max_position_embeddings": 2048,
              "model_type": "internlm",
              "num_attention_heads": 2,
              "num_hidden_layers": 2,
              "pad_token_id": 2,
              "rms_norm_eps": 1e-06,
              "tie_word_embeddings": false,
              "torch_dtype": "float16",
              "use_cache": false,
              "vocab_size": 96
            }

            """));
    }

    [Test]
    public void Tokenizer_and_side_files_come_along_and_weight_indices_do_not()
    {
        using var model = new PatchedModel("internlm");
        File.WriteAllText(model.Path("tokenizer.model"), "t");
        File.WriteAllText(model.Path("generation_config.json"), "{}");
        File.WriteAllText(model.Path("modeling_internlm.py"), "pass");
        File.WriteAllText(model.Path("README.md"), "no");

        var result = model.Quantize();

        Assert.That(result.Files, Is.EqualTo(["config.json", "generation_config.json", "model.safetensors", "modeling_internlm.py", "tokenizer.model"]));
        Assert.That(Directory.GetFiles(model.Output).Select(Path.GetFileName), Is.EquivalentTo(result.Files));
        Assert.That(Directory.GetDirectories(model.Output), Is.Empty);
    }

    [Test]
    public void Statistics_in_the_output_folder_stay_and_foreign_weights_are_refused()
    {
        using var model = new PatchedModel("internlm");
        Directory.CreateDirectory(model.Output);
        File.WriteAllText(Path.Combine(model.Output, "inputs_stats.pth"), "s");
        model.Quantize();

        File.WriteAllText(Path.Combine(model.Output, "adapter.safetensors"), "x");

        Assert.That(File.Exists(Path.Combine(model.Output, "inputs_stats.pth")), Is.True);
        Assert.That(() => model.Quantize(), Throws.TypeOf<QuantizationException>().With.Message.Contains("holds adapter.safetensors, which convert would take"));
    }

    [Test]
    public void What_a_killed_run_left_behind_is_removed_and_another_machine_s_is_not()
    {
        using var model = new PatchedModel("internlm");
        var ours = Path.Combine(model.Output, $".awq-{Environment.MachineName}-{int.MaxValue}");
        var theirs = Path.Combine(model.Output, ".awq-another.machine-7");
        Directory.CreateDirectory(ours);
        Directory.CreateDirectory(theirs);

        model.Quantize();

        Assert.That(Directory.GetDirectories(model.Output), Is.EqualTo([theirs]));
    }

    [Test]
    public void The_model_s_own_folder_is_no_output_even_through_a_link()
    {
        using var model = new PatchedModel("internlm");
        using var other = new TemporaryFolder();
        var link = other.At("link");
        Directory.CreateSymbolicLink(link, model.Folder);

        foreach (var path in new[] { model.Folder, $"{model.Folder}/", link })
        {
            Assert.That(() => model.Quantize(request => request with { OutputFolder = path }), Throws.TypeOf<QuantizationException>().With.Message.Contains("should be different"));
        }
    }

    [Test]
    public void An_output_that_cannot_be_a_folder_is_refused()
    {
        using var model = new PatchedModel("internlm");
        File.WriteAllText(model.Output, "a file");

        Assert.That(() => model.Quantize(), Throws.TypeOf<QuantizationException>().With.Message.Contains($"The output folder {model.Output} cannot be written"));
    }

    [Test]
    public void A_head_that_shares_the_embedding_is_written_out()
    {
        using var model = new PatchedModel("internlm", weights => weights.Remove("lm_head.weight"));
        File.WriteAllText(model.Path("config.json"), File.ReadAllText(model.Path("config.json")).Replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true", StringComparison.Ordinal));

        model.Quantize();

        using var output = HuggingFaceFolder.Open(model.Output);
        Assert.That(output.Weights.ReadAll("lm_head.weight"), Is.EqualTo(output.Weights.ReadAll("model.embed_tokens.weight")));
    }

    [Test]
    public void A_cancelled_run_leaves_nothing_behind()
    {
        using var model = new PatchedModel("internlm");
        using var folder = HuggingFaceFolder.Open(model.Folder);
        using var cancellation = new CancellationTokenSource();
        var request = new AwqRequest { Model = folder, InputAbsMax = model.AbsMax, OutputFolder = model.Output };

        Assert.That(() => AwqQuantizer.Run(request, _ => cancellation.Cancel(), cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.EnumerateFileSystemEntries(model.Output), Is.Empty);
    }

    [Test]
    public void Every_linear_reports_its_error()
    {
        using var model = new PatchedModel("internlm");

        var result = model.Quantize();

        Assert.That(result.Linears, Has.Count.EqualTo(14));
        Assert.That(result.Linears.Select(linear => linear.RelativeError), Is.All.InRange(1e-4, 0.05));
    }

    [TestCase(8, 128, false, "w_bits 8 is not possible")]
    [TestCase(4, 128, true, "w_sym true is not possible")]
    [TestCase(4, 96, false, "w_group_size 96 does not divide the 256 input channels of model.layers.0.self_attn.q_proj; group sizes that divide every linear: 32, 64, 128")]
    [TestCase(4, 256, false, "w_group_size 256 does not divide the 384 input channels of model.layers.0.mlp.down_proj")]
    [TestCase(4, 0, false, "w_group_size 0 does not divide")]
    [TestCase(4, -1, false, "w_group_size -1 does not divide")]
    public void Options_that_cannot_be_are_refused_with_what_works(int bits, int groupSize, bool symmetric, string expected)
    {
        using var folder = Goldens.Open("llama-sharded-bf16");
        var options = new AwqOptions { Bits = bits, GroupSize = groupSize, Symmetric = symmetric };

        Assert.That(() => options.Validate(ModelConfiguration.Read(folder)), Throws.TypeOf<QuantizationException>().With.Message.Contains(expected));
    }

    [Test]
    public void Outputs_that_cannot_be_packed_by_eight_are_refused()
    {
        using var folder = Goldens.Open("llama-gqa");
        var configuration = ModelConfiguration.Read(folder) with { HiddenSize = 12, HeadCount = 1, KeyValueHeadCount = 1, IntermediateSize = 12 };

        Assert.That(
            () => new AwqOptions { GroupSize = 4 }.Validate(configuration),
            Throws.TypeOf<QuantizationException>().With.Message.Contains("has 12 output channels; int4 weights are packed by eight"));
    }

    private static Dictionary<string, string> Tensors(string folder)
    {
        using var opened = HuggingFaceFolder.Open(folder);
        return opened.Weights.Tensors.ToDictionary(tensor => tensor.Name, tensor => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(opened.Weights.ReadAll(tensor.Name))));
    }

    private static Dictionary<string, string> Digests(AwqResult result, string folder) => result.Files.ToDictionary(
        file => file, file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, file)))));
}
