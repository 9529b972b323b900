using LayerCake.Building;
using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Recipes;
using LayerCake.Testing;
using LayerCake.Text;
using LayerCake.TurboMind;

namespace LayerCake.Steps.Tests.Preflight;

/// <summary>What cannot work is refused before anything runs; where a value of the recipe is to blame, at its line.</summary>
[TestFixture]
internal sealed class PreflightTests
{
    private DemoProject _project = null!;

    [SetUp]
    public void Lay() => _project = new DemoProject();

    [TearDown]
    public void Remove()
    {
        // Nothing was refused after a store had been made.
        var artifacts = Directory.Exists(_project.Artifacts);
        _project.Dispose();
        Assert.That(artifacts, Is.False);
    }

    [Test]
    public void A_degree_that_the_model_cannot_be_split_by_is_refused_at_its_line_with_the_degrees_that_work()
    {
        _project.Edit("tensor_parallel: 1", "tensor_parallel: 4");

        var fault = RecipeFault();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((fault.Line, fault.Column), Is.EqualTo((13, 29)));
            Assert.That(fault.Message, Does.Contain("2 heads cannot be divided among 4 ranks").And.Contain("tensor parallel 1, 2"));
        }
    }

    [Test]
    public void A_degree_on_the_command_line_is_refused_as_the_argument()
    {
        var exception = Assert.Throws<RecipeException>(() => _project.Open("convert.tensor_parallel=4"));

        Assert.That(exception.Message, Does.StartWith("--set convert.tensor_parallel=4: "));
    }

    [Test]
    public void A_bfloat16_checkpoint_with_an_int8_cache_needs_float16_or_int4_weights()
    {
        MakeBFloat16();
        _project.Edit("auto_awq: { bits: 4, group_size: 128, method: lmdeploy, format: safetensors }\n", "");
        _project.Edit("convert: { tensor_parallel: 1 }", "convert: { tensor_parallel: 1, weight_type: auto }");

        var fault = RecipeFault();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((fault.Line, fault.Column), Is.EqualTo((12, 45)));
            Assert.That(fault.Message, Does.Contain("write weight_type: float16, or add auto_awq"));
            Assert.That(() => _project.Open("convert.weight_type=float16"), Throws.Nothing);
            Assert.That(() => _project.Open("auto_awq={}"), Throws.Nothing);
            Assert.That(() => _project.Open("kv_qparams=null", "calibrate=null"), Throws.Nothing);
        }
    }

    [Test]
    public void Where_the_recipe_leaves_the_weight_type_to_its_default_the_refusal_points_to_kv_qparams()
    {
        MakeBFloat16();
        _project.Edit("auto_awq: { bits: 4, group_size: 128, method: lmdeploy, format: safetensors }\n", "");
        _project.Edit("convert: { tensor_parallel: 1 }\n", "");

        var fault = RecipeFault();

        Assert.That((fault.Line, fault.Column), Is.EqualTo((11, 1)));
    }

    [Test]
    public void A_model_name_whose_checkpoints_are_not_read_is_refused_at_its_line()
    {
        _project.Edit("name: internlm-chat-7b", "name: qwen-7b");

        var fault = RecipeFault();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((fault.Line, fault.Column), Is.EqualTo((4, 9)));
            Assert.That(fault.Message, Does.Contain("qwen-7b").And.Contain("not supported yet"));
        }
    }

    [Test]
    public void A_hub_source_says_what_to_download()
    {
        _project.Edit("source: model", "source: hf:internlm/internlm-chat-7b@v1");

        var fault = RecipeFault();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((fault.Line, fault.Column), Is.EqualTo((5, 11)));
            Assert.That(fault.Message, Does.Contain("huggingface-cli download internlm/internlm-chat-7b --revision v1"));
        }
    }

    [TestCase("dataset: ptb", "data sets are not fetched")]
    [TestCase("dataset: absent.txt", "does not exist")]
    public void A_text_that_is_not_there_is_refused_at_its_line(string dataset, string words)
    {
        _project.Edit("dataset: text.txt", dataset);

        var fault = RecipeFault();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((fault.Line, fault.Column), Is.EqualTo((7, 12)));
            Assert.That(fault.Message, Does.Contain(words));
        }
    }

    [Test]
    public void A_model_folder_that_is_not_there_is_refused_at_its_line()
    {
        _project.Edit("source: model", "source: absent");

        var fault = RecipeFault();

        Assert.That((fault.Line, fault.Message.Contains("does not exist")), Is.EqualTo((5, true)));
    }

    [Test]
    public void A_memory_budget_that_not_even_one_sample_fits_in_is_refused_at_its_line()
    {
        _project.Edit("execution: { device: cpu }", "execution: { device: cpu, memory_budget: 16 MB }");

        var fault = RecipeFault();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(fault.Line, Is.EqualTo(15));
            Assert.That(fault.Message, Does.Contain("but the budget is 16 MB"));
        }
    }

    [TestCase("gptq", "fast")]
    [TestCase("awq", "best")]
    public void A_method_that_cannot_fit_the_memory_budget_is_refused_at_its_line(string method, string effort)
    {
        _project.Edit("execution: { device: cpu }", "execution: { device: cpu, memory_budget: 16 MB }");
        _project.Edit("kv_qparams: { cache: int8, symmetric: false }\n", "");
        _project.Edit("method: lmdeploy", $"method: {method}, effort: {effort}");

        var fault = RecipeFault();

        Assert.That(fault.Line, Is.EqualTo(14));
        Assert.That(fault.Message, Does.Match($"^auto_awq with the method {method} and effort {effort} needs [0-9]+ MB for 2 samples of 64 tokens, but the budget is 16 MB; raise it"));
    }

    [Test]
    public void An_effort_that_no_processor_could_finish_in_time_is_refused_at_its_line()
    {
        _project.Edit("execution: { device: cpu }", "execution: { device: cpu, timeout: 1 s }");
        _project.Edit("kv_qparams: { cache: int8, symmetric: false }\n", "");
        _project.Edit("method: lmdeploy", "method: gptq, effort: best");
        Assert.That(() => _project.Open(), Throws.Nothing);
        _project.Edit("samples: 2", "samples: 4096");
        _project.Edit("sequence_length: 64", "sequence_length: 2048");

        var fault = RecipeFault();

        Assert.That(fault.Line, Is.EqualTo(14));
        Assert.That(fault.Message, Does.Match(
            "^auto_awq with the method gptq and effort best takes more than [0-9]+ s on [0-9]+ processors for 4096 samples of 2048 tokens, but a step may take 1 s; raise it"));
    }

    [TestCase("layers.0.*.down_proj", "'layers.0.*.down_proj' names model.layers.0.mlp.down_proj, and a workspace of lmdeploy 0.1.0 cannot carry it in 16 bits")]
    [TestCase("layers.9.*", "'layers.9.*' matches no linear of this model")]
    public void A_linear_that_cannot_be_kept_is_refused_at_its_rule(string rule, string message)
    {
        _project.Edit("method: lmdeploy", $"keep: [lm_head, \"{rule}\"]");

        var fault = RecipeFault();

        Assert.That(fault.Line, Is.EqualTo(12));
        Assert.That(fault.Message, Does.Contain(message));
    }

    [Test]
    public void Only_what_reads_the_statistics_of_calibrate_brings_that_step_along()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_project.Open("auto_awq.method=gptq").Steps.Select(step => step.Name), Is.EqualTo(new[] { "calibrate", "kv_qparams", "auto_awq", "convert", "package" }));
            Assert.That(_project.Open("auto_awq.method=gptq", "kv_qparams=null").Steps.Select(step => step.Name), Is.EqualTo(new[] { "auto_awq", "convert", "package" }));
            Assert.That(_project.Open("auto_awq.method=lmdeploy", "kv_qparams=null").Steps.Select(step => step.Name), Does.Contain("calibrate"));
            Assert.That(_project.Open("auto_awq.method=rtn", "kv_qparams=null", "calibrate=null").Steps.Select(step => step.Name), Is.EqualTo(new[] { "auto_awq", "convert", "package" }));
        }
    }

    [Test]
    public void A_missing_tokenizer_is_refused_by_name()
    {
        File.Delete(_project.InModel("tokenizer.model"));

        Assert.That(() => _project.Open(), Throws.TypeOf<TokenizerException>().With.Message.Contains("tokenizer.model"));
    }

    [Test]
    public void A_model_without_heads_of_128_is_refused_with_its_sizes()
    {
        Reconfigure("\"num_attention_heads\": 2", "\"num_attention_heads\": 4");

        Assert.That(() => _project.Open(), Throws.TypeOf<WorkspaceException>().With.Message.Contains("hidden size 256 with 4 heads"));
    }

    [Test]
    public void A_configuration_of_another_model_is_refused()
    {
        Reconfigure("\"intermediate_size\": 768", "\"intermediate_size\": 1024");

        Assert.That(() => _project.Open(), Throws.TypeOf<ModelException>().With.Message.Contains("mlp"));
    }

    [Test]
    public void A_tensor_that_the_model_has_no_place_for_is_refused()
    {
        AddTensor("model.layers.0.self_attn.q_norm.weight");

        Assert.That(() => _project.Open(), Throws.TypeOf<ModelException>().With.Message.Contains("model.layers.0.self_attn.q_norm.weight"));
    }

    [Test]
    public void A_setting_that_only_convert_looks_at_is_refused_before_calibration()
    {
        Reconfigure("\"bias\": true", "\"bias\": true, \"quantization_config\": { \"quant_method\": \"gptq\" }");

        Assert.That(() => _project.Open(), Throws.TypeOf<WorkspaceException>().With.Message.Contains("the checkpoint is quantized (quant_method gptq)"));
    }

    [Test]
    public void A_truncated_checkpoint_is_refused()
    {
        using (var file = new FileStream(_project.InModel("model.safetensors"), FileMode.Open))
        {
            file.SetLength(file.Length - 1);
        }

        Assert.That(() => _project.Open(), Throws.TypeOf<CheckpointException>().With.Message.Contains("model.safetensors"));
    }

    private RecipeFault RecipeFault()
    {
        var exception = Assert.Throws<RecipeException>(() => _project.Open());
        Assert.That(exception.Faults, Has.Count.EqualTo(1));
        Assert.That(exception.Message, Does.StartWith($"{exception.Faults[0].File}:{exception.Faults[0].Line}:"));
        return exception.Faults[0];
    }

    private void Reconfigure(string old, string @new)
    {
        var text = File.ReadAllText(_project.InModel("config.json"));
        Assert.That(text, Does.Contain(old));
        File.WriteAllText(_project.InModel("config.json"), text.Replace(old, @new, StringComparison.Ordinal));
    }

    private void MakeBFloat16()
    {
        Reconfigure("\"torch_dtype\": \"float16\"", "\"torch_dtype\": \"bfloat16\"");
        Rewrite(tensor => tensor with { DType = DType.BF16 }, []);
    }

    private void AddTensor(string name) => Rewrite(tensor => tensor, [TensorInfo.Of(name, DType.F16, 128)]);

    private void Rewrite(Func<TensorInfo, TensorInfo> change, IReadOnlyList<TensorInfo> more)
    {
        var path = _project.InModel("model.safetensors");
        using (var source = SafetensorsFile.Open(path))
        using (var writer = SafetensorsWriter.Create(path + ".new", [.. source.Tensors.Select(change), .. more]))
        {
            foreach (var tensor in source.Tensors)
            {
                writer.Write(tensor.Name, source.ReadAll(tensor.Name));
            }

            foreach (var tensor in more)
            {
                writer.Write(tensor.Name, new byte[tensor.ByteCount]);
            }

            writer.Complete();
        }

        File.Move(path + ".new", path, overwrite: true);
    }
}
