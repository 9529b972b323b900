using System.Text.Json;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.TurboMind.Tests;

/// <summary>What is refused before a weight is read, and what config.ini says.</summary>
[TestFixture]
public sealed class ConversionPlanTests
{
    private static readonly SlowModel Half = new() { Heads = 2, KeyValueHeads = 1, Inner = 96, HasBias = true };
    private static readonly SlowModel Int4 = new() { Heads = 1, KeyValueHeads = 1, Inner = 128, IsInt4 = true };

    [Test]
    public void An_unknown_model_name_lists_the_known_ones() => AssertRefused(
        Half, options: Half.Options with { ModelName = "gpt" },
        message: "'gpt' is not supported. The supported models are: base, llama, internlm, vicuna, wizardlM, internlm-chat-7b, internlm-chat, "
            + "internlm-chat-7b-8k, internlm-chat-20b, internlm-20b, baichuan-7b, baichuan2-7b, puyu, llama2, qwen-7b, qwen-14b, codellama, solar, ultralm, ultracm, yi");

    [TestCase("llama2", "gguf", "the model format should be in ['llama', 'hf', 'awq', None], not 'gguf'")]
    [TestCase("qwen-7b", null, "model name 'qwen-7b' with model format None means source format 'qwen', which is not supported yet. Supported: hf and hf-awq (InternLM and Llama checkpoints in Hugging Face format)")]
    [TestCase("baichuan2-7b", "awq", "model name 'baichuan2-7b' with model format awq means source format 'baichuan2-awq', which is not supported yet. Supported: hf and hf-awq (InternLM and Llama checkpoints in Hugging Face format)")]
    [TestCase("llama2", "llama", "model name 'llama2' with model format llama means source format 'llama', which is not supported yet. Supported: hf and hf-awq (InternLM and Llama checkpoints in Hugging Face format)")]
    public void Formats_that_cannot_be_read_are_refused_by_name(string name, string? format, string message) =>
        AssertRefused(Half, options: Half.Options with { ModelName = name, ModelFormat = format }, message: message);

    [TestCase("internlm-chat-7b", null, "hf")]
    [TestCase("llama2", "hf", "hf")]
    [TestCase("yi", "awq", "hf-awq")]
    public void The_source_format_follows_from_name_and_format(string name, string? format, string inferred) =>
        Assert.That(SourceFormat.Infer(ChatModel.Find(name), format).Name, Is.EqualTo(inferred));

    [Test]
    public void An_AWQ_checkpoint_needs_a_group_size() => AssertRefused(
        Int4, options: Int4.Options with { GroupSize = 0 },
        message: "group_size: 0 should > 0; an AWQ checkpoint needs its group size, usually --group-size 128");

    [Test]
    public void AWQ_tensors_are_not_taken_for_halves() => AssertRefused(
        Int4, options: Int4.Options with { ModelFormat = "hf", GroupSize = 0 },
        message: "memory holds quantized tensors (model.layers.0.self_attn.q_proj.qweight): for an AWQ checkpoint use --model-format awq --group-size 128");

    [Test]
    public void Halves_are_not_taken_for_AWQ_tensors() => AssertRefused(
        Half, options: Half.Options with { ModelFormat = "awq", GroupSize = 128 },
        message: "memory holds no AWQ tensors (model.layers.0.self_attn.q_proj.qweight): quantize the model with auto_awq first, or convert it without --model-format awq");

    [Test]
    public void Int4_weights_of_a_half_checkpoint_are_refused() => AssertRefused(
        Half, options: Half.Options with { WeightType = WeightType.Int4 },
        message: "int4 weights need an AWQ checkpoint: quantize the model with auto_awq first and convert it with --model-format awq");

    [Test]
    public void A_missing_bias_a_wrong_shape_and_a_stray_tensor_are_told_together()
    {
        var tensors = Half.Checkpoint();
        tensors.Remove("model.layers.0.self_attn.o_proj.bias");
        tensors.Reshape("model.layers.0.mlp.up_proj.weight", 256, 96);
        tensors.Add<ushort>("model.layers.0.mlp.up_proj.bias", DType.F16, new ushort[96], 96);
        tensors.Add<float>("model.layers.0.self_attn.rotary_emb.inv_freq", DType.F32, new float[64], 64);
        tensors.Add<long>("model.norm.weight", DType.I64, new long[256], 256);

        AssertRefused(Half, tensors, message: """
            memory is not the checkpoint its config.json describes:
              - model.norm.weight is I64, not F16, BF16 or F32
              - model.layers.0.self_attn.o_proj.bias is missing
              - model.layers.0.mlp.up_proj.weight has shape [256, 96], expected [96, 256]
              - model.layers.0.mlp.up_proj.bias has no place in a TurboMind workspace: leaving it out would change the model
            """);
    }

    [Test]
    public void AWQ_tensors_of_the_wrong_type_or_shape_are_refused()
    {
        var tensors = Int4.Checkpoint();
        tensors.Add<long>("model.layers.0.self_attn.q_proj.qweight", DType.I64, new long[128 * 16], 128, 16);
        tensors.Reshape("model.layers.0.mlp.down_proj.scales", 2, 64);

        AssertRefused(Int4, tensors, message: """
            memory is not the checkpoint its config.json describes:
              - model.layers.0.self_attn.q_proj.qweight is I64, not I32: not AWQ's packing
              - model.layers.0.mlp.down_proj.scales has shape [2, 64], expected [1, 128]
            """);
    }

    [Test]
    public void A_head_that_is_neither_there_nor_tied_is_refused()
    {
        var tensors = Half.Checkpoint();
        tensors.Remove("lm_head.weight");

        AssertRefused(Half, tensors, message: "memory is not the checkpoint its config.json describes:\n  - lm_head.weight is missing");
    }

    [Test]
    public void A_tied_head_is_written_from_the_embedding()
    {
        using var folder = new TemporaryFolder();
        var tensors = Half.Checkpoint();
        tensors.Remove("lm_head.weight");

        ConversionPlan.Create(Half.Source(tensors, new { tie_word_embeddings = true }), Half.Options).WriteWeights(folder.Path);

        Assert.That(File.ReadAllBytes(folder.At("output.weight")), Is.EqualTo(File.ReadAllBytes(folder.At("tok_embeddings.weight"))));
    }

    [Test]
    public void Token_ids_outside_the_vocabulary_are_refused() => AssertRefused(
        Half, options: Half.Options with { SpecialTokens = new SpecialTokenIds(-1, 7) },
        message: "begin and end of sequence ids -1 and 7 are not both in the model's vocabulary of 5: is this the model's tokenizer?");

    [Test]
    public void A_foreign_architecture_is_refused() => AssertRefused(
        Half, extra: new { architectures = new[] { "MixtralForCausalLM" } },
        message: "config.json: architecture MixtralForCausalLM is not supported. Supported: InternLMForCausalLM, LlamaForCausalLM, LLaMAForCausalLM");

    [TestCase("""{"rms_norm_eps":null}""", "config.json has no field \"rms_norm_eps\", so it is not the config.json of a complete model; download it again")]
    [TestCase("""{"num_hidden_layers":"one"}""", "config.json: field \"num_hidden_layers\" is \"one\", not an integer from 1 to 10000")]
    [TestCase("""{"hidden_size":-4}""", "config.json: field \"hidden_size\" is -4, not an integer from 1 to 16777216")]
    [TestCase("""{"rope_theta":[1]}""", "config.json: field \"rope_theta\" is [1], not a number of at least 0")]
    [TestCase("""{"rope_scaling":7}""", "config.json: field \"rope_scaling\" is 7, not an object")]
    [TestCase("""{"quantization_config":{"quant_method":"gptq"}}""", "config.json: the checkpoint is quantized (quant_method gptq). For an AWQ checkpoint use --model-format awq --group-size 128")]
    public void A_bad_field_of_config_json_is_named(string change, string message)
    {
        var fields = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(Half.Configuration().GetRawText())!;
        foreach (var property in JsonDocument.Parse(change).RootElement.EnumerateObject())
        {
            fields[property.Name] = property.Value;
        }

        var source = new ConversionSource("config.json", JsonSerializer.SerializeToElement(fields), Half.Checkpoint());

        Assert.That(() => ConversionPlan.Create(source, Half.Options), Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(message));
    }

    [TestCase("gptq", "gemm", 4, 128, "quant_method gptq, version gemm, bits 4, zero_point True: only AWQ, version gemm, 4 bits, with zero points can be converted")]
    [TestCase("awq", "gemv", 4, 128, "quant_method awq, version gemv, bits 4, zero_point True: only AWQ, version gemm, 4 bits, with zero points can be converted")]
    [TestCase("awq", "GEMM", 4, 64, "the checkpoint's group size is 64, not 128; give --group-size 64")]
    public void Another_kind_of_quantization_is_refused(string method, string version, int bits, int group, string message) => AssertRefused(
        Int4,
        extra: new { quantization_config = new { quant_method = method, version, bits, group_size = group, zero_point = true } },
        message: "config.json: " + message);

    [TestCase("bfloat16", null, WeightType.BFloat16)]
    [TestCase("torch.bfloat16", null, WeightType.BFloat16)]
    [TestCase("float32", null, WeightType.Float16)]
    [TestCase(null, null, WeightType.Float16)]
    [TestCase("bfloat16", WeightType.Float16, WeightType.Float16)]
    [TestCase("float16", WeightType.BFloat16, WeightType.BFloat16)]
    public void The_weight_type_follows_the_checkpoint_unless_given(string? torchDType, WeightType? given, WeightType expected)
    {
        // "llama" is the name with which the original fails when there is no torch_dtype.
        var options = Half.Options with { ModelName = "llama", WeightType = given };

        var plan = ConversionPlan.Create(Half.Source(Half.Checkpoint(), new { torch_dtype = torchDType }), options);

        Assert.That(plan.Configuration.WeightType, Is.EqualTo(expected));
    }

    [Test]
    public void Bfloat16_weights_are_written_as_they_are()
    {
        using var folder = new TemporaryFolder();
        var tensors = Half.Checkpoint();
        ushort[] norm = [.. Enumerable.Range(0, 256).Select(i => (ushort)(i * 251))];
        tensors.Add<ushort>("model.norm.weight", DType.BF16, norm, 256);

        ConversionPlan.Create(Half.Source(tensors, new { torch_dtype = "bfloat16" }), Half.Options).WriteWeights(folder.Path);

        Assert.That(File.ReadAllBytes(folder.At("norm.weight")), Is.EqualTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes<ushort>(norm).ToArray()));
        Assert.That(File.ReadAllText(folder.At("config.ini")), Does.Contain("weight_type = bf16\n"));
    }

    [Test]
    public void Settings_come_from_config_json_and_the_tensors()
    {
        var extra = new { rms_norm_eps = 1, rope_theta = 1000000, max_position_embeddings = (int?)null, vocab_size = 999, rope_scaling = new { type = "dynamic", factor = 2.0 } };

        var plan = ConversionPlan.Create(Half.Source(Half.Checkpoint(), extra), Half.Options with { GroupSize = 77 });

        var text = EngineConfigurationFile.Format(plan.Configuration);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.Contain("norm_eps = 1\n").And.Contain("rope_theta = 1000000.0\n").And.Contain("max_position_embeddings = 0\n"));
            Assert.That(text, Does.Contain("vocab_size = 5\n").And.Contain("group_size = 77\n").And.Contain("rope_scaling_factor = 0.0\n"));
            Assert.That(plan.Warnings, Has.Length.EqualTo(1).And.One.Contains("rope_scaling {\"type\":\"dynamic\",\"factor\":2}"));
        }
    }

    [Test]
    public void The_number_of_workers_changes_no_byte()
    {
        using var folder = new TemporaryFolder();
        foreach (var workers in new[] { 1, 7 })
        {
            ConversionPlan.Create(Half.Source(Half.Checkpoint()), Half.Options with { Workers = workers }).WriteWeights(folder.At($"{workers}"));
        }

        Assert.That(Folders.DigestLines(folder.At("1")), Is.EqualTo(Folders.DigestLines(folder.At("7"))));
    }

    [Test]
    public void A_folder_with_old_weights_is_not_written_over()
    {
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(Half.Source(Half.Checkpoint()), Half.Options);
        plan.WriteWeights(folder.Path);

        Assert.That(() => plan.WriteWeights(folder.Path), Throws.TypeOf<WorkspaceException>().With.Message.Contains("tok_embeddings.weight cannot be written"));
    }

    [Test]
    public void A_stopped_conversion_says_so()
    {
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(Half.Source(Half.Checkpoint()), Half.Options);

        Assert.That(() => plan.WriteWeights(folder.Path, cancellation: new CancellationToken(true)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(File.Exists(folder.At("config.ini")), Is.False);
    }

    [Test]
    public void The_size_of_the_output_is_known_beforehand()
    {
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(Int4.Source(Int4.Checkpoint()), Int4.Options);
        plan.WriteWeights(folder.Path);
        File.Delete(folder.At("config.ini"));

        Assert.That(plan.OutputBytes, Is.EqualTo(new DirectoryInfo(folder.Path).EnumerateFiles().Sum(file => file.Length)));
    }

    private static void AssertRefused(
        SlowModel model, MemoryTensors? tensors = null, ConversionOptions? options = null, object? extra = null, string message = "") => Assert.That(
        () => ConversionPlan.Create(model.Source(tensors ?? model.Checkpoint(), extra), options ?? model.Options),
        Throws.TypeOf<WorkspaceException>().With.Message.EqualTo(message.ReplaceLineEndings("\n")));
}
