using LayerCake.Testing;

namespace LayerCake.Checkpoints.Tests;

public sealed class HuggingFaceFolderTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void The_demo_model_opens_with_all_its_parts()
    {
        using var model = HuggingFaceFolder.Open(RepositoryFiles.DemoModel);

        Assert.That(model.Architecture, Is.EqualTo("InternLMForCausalLM"));
        Assert.That(model.Config.GetProperty("hidden_size").GetInt32(), Is.GreaterThan(0));
        Assert.That(model.TokenizerModelPath, Is.EqualTo(Path.Combine(RepositoryFiles.DemoModel, "tokenizer.model")));
        Assert.That(model.WeightFiles.Select(Path.GetFileName), Is.EqualTo(new[] { "model.safetensors" }));
        Assert.That(model.SideFiles.Select(Path.GetFileName), Does.Contain("config.json").And.Contain("tokenizer_config.json"));
        Assert.That(model.Weights.TryFind("model.embed_tokens.weight", out _), Is.True);
    }

    [Test]
    public void Torch_shards_with_an_index_are_one_source()
    {
        var path = RepositoryFiles.Golden("llama-sharded-bf16", "model");
        using var model = HuggingFaceFolder.Open(path);

        Assert.That(model.DeclaredDType, Is.EqualTo(DType.BF16));
        Assert.That(model.WeightFiles, Has.Count.EqualTo(2));
        Assert.That(model.WeightIndexPath, Is.EqualTo(Path.Combine(path, "pytorch_model.bin.index.json")));
        Assert.That(model.Weights.Tensors[0].Name, Is.EqualTo("model.embed_tokens.weight"));
        Assert.That(model.Weights.Tensors[^1].Name, Is.EqualTo("lm_head.weight"));
        Assert.That(model.Weights.ReadAll("lm_head.weight"), Has.Length.EqualTo(96 * 256 * 2));
    }

    [Test]
    public void An_awq_folder_opens_the_same_way()
    {
        using var model = HuggingFaceFolder.Open(RepositoryFiles.Golden("internlm", "awq"));

        Assert.That(model.Weights.Find("model.layers.0.self_attn.q_proj.qweight").DType, Is.EqualTo(DType.I32));
    }

    [Test]
    public void Shards_without_an_index_are_all_taken_by_name()
    {
        Config();
        Shard("model-00002-of-00002.safetensors", "b");
        Shard("model-00001-of-00002.safetensors", "a");
        using var model = HuggingFaceFolder.Open(_folder.Path);

        Assert.That(model.Weights.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "a", "b" }));
    }

    [Test]
    public void Safetensors_come_before_torch_archives_and_training_leftovers_are_ignored()
    {
        Config();
        Shard("model.safetensors", "a");
        Write("pytorch_model.bin", "not a checkpoint");
        Write("training_args.bin", "not a checkpoint");
        using var model = HuggingFaceFolder.Open(_folder.Path);

        Assert.That(model.WeightFiles.Select(Path.GetFileName), Is.EqualTo(new[] { "model.safetensors" }));
    }

    [Test]
    public void A_safetensors_index_without_its_files_does_not_hide_torch_archives()
    {
        Config();
        File.Copy(RepositoryFiles.Golden("internlm", "awq", "pytorch_model.bin"), _folder.At("pytorch_model.bin"));
        Index("""{"weight_map":{"a":"model-00001-of-00001.safetensors"}}""");
        using var model = HuggingFaceFolder.Open(_folder.Path);

        Assert.That(model.WeightFiles.Select(Path.GetFileName), Is.EqualTo(new[] { "pytorch_model.bin" }));
    }

    [Test]
    public void An_adapter_is_no_model()
    {
        Config();
        Shard("adapter_model.safetensors", "a");

        Refused("holds an adapter (LoRA)");
    }

    [Test]
    public void Only_training_leftovers_are_no_weights()
    {
        Config();
        Write("training_args.bin", "x");
        Write("optimizer.bin", "x");

        Refused("has no weights (*.safetensors or pytorch_model*.bin)");
    }

    [Test]
    public void Files_that_the_index_does_not_name_are_ignored()
    {
        Config();
        Shard("model-00001-of-00001.safetensors", "a");
        Shard("consolidated.safetensors", "a");
        Index("""{"weight_map":{"a":"model-00001-of-00001.safetensors"}}""");
        using var model = HuggingFaceFolder.Open(_folder.Path);

        Assert.That(model.WeightFiles, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_single_file_beside_an_index_of_other_files_is_refused()
    {
        Config();
        Shard("model-00001-of-00001.safetensors", "a");
        Shard("model.safetensors", "a");
        Index("""{"weight_map":{"a":"model-00001-of-00001.safetensors"}}""");

        Refused("has model.safetensors and model.safetensors.index.json, which names other files");
    }

    [Test]
    public void A_missing_shard_is_named()
    {
        Config();
        Shard("model-00001-of-00002.safetensors", "a");
        Index("""{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}""");

        Refused("lacks 1 of the 2 shards that model.safetensors.index.json names: model-00002-of-00002.safetensors");
    }

    [Test]
    public void A_truncated_shard_is_named()
    {
        Config();
        Shard("model-00001-of-00002.safetensors", "a");
        Shard("model-00002-of-00002.safetensors", "b");
        var shard = _folder.At("model-00002-of-00002.safetensors");
        File.WriteAllBytes(shard, File.ReadAllBytes(shard)[..^1]);
        Index("""{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}""");

        Refused("model-00002-of-00002.safetensors: tensor 'b' ends at byte 2 of the data, but only 1 are there");
    }

    [Test]
    public void An_index_that_names_an_absent_tensor_is_refused()
    {
        Config();
        Shard("model-00001-of-00001.safetensors", "a");
        Index("""{"weight_map":{"a":"model-00001-of-00001.safetensors","b":"model-00001-of-00001.safetensors"}}""");

        Refused("places tensor 'b' in model-00001-of-00001.safetensors, but no shard has it");
    }

    [Test]
    public void An_index_that_places_a_tensor_in_another_shard_is_refused()
    {
        Config();
        Shard("model-1.safetensors", "a");
        Shard("model-2.safetensors", "b");
        Index("""{"weight_map":{"a":"model-2.safetensors","b":"model-1.safetensors"}}""");

        Refused("but it is in model-1.safetensors");
    }

    [Test]
    public void A_tensor_in_two_shards_is_refused()
    {
        Config();
        Shard("model-1.safetensors", "a");
        Shard("model-2.safetensors", "a");

        Refused("tensor 'a' is in model-1.safetensors and in model-2.safetensors");
    }

    [TestCase("../model.safetensors")]
    [TestCase("/etc/passwd")]
    [TestCase("sub/model.safetensors")]
    [TestCase("..")]
    [TestCase("a\\\\b")]
    public void Shards_outside_the_folder_are_refused(string file)
    {
        Config();
        Index($$$"""{"weight_map":{"a":"{{{file}}}"}}""");

        Refused("must lie beside the index");
    }

    [TestCase("""{}""", "no object 'weight_map'")]
    [TestCase("""{"weight_map":[]}""", "no object 'weight_map'")]
    [TestCase("""{"weight_map":{}}""", "is empty")]
    [TestCase("""{"weight_map":{"a":1}}""", "gives tensor 'a' no file name")]
    [TestCase("""{"weight_map":{"a":"x","a":"y"}}""", "names tensor 'a' twice")]
    [TestCase("""nonsense""", "is not JSON")]
    [TestCase("""{"weight_map":{"\ud800":"x"}}""", "is not text")]
    public void A_damaged_index_is_refused(string index, string expected)
    {
        Config();
        Shard("model.safetensors", "a");
        Index(index);

        Refused(expected);
    }

    [Test]
    public void A_folder_without_config_is_refused()
    {
        Shard("model.safetensors", "a");

        Refused("has no config.json");
    }

    [TestCase("[]", "no JSON object")]
    [TestCase("{", "is not JSON")]
    [TestCase("", "is empty")]
    [TestCase("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer")]
    [TestCase("<!doctype html>", "web page")]
    public void A_damaged_config_is_refused(string config, string expected)
    {
        Config(config);
        Shard("model.safetensors", "a");

        Refused(expected);
    }

    [TestCase("""{"torch_dtype":"float16"}""", DType.F16)]
    [TestCase("""{"torch_dtype":"torch.bfloat16"}""", DType.BF16)]
    [TestCase("""{"dtype":"float32"}""", DType.F32)]
    [TestCase("""{"torch_dtype":"auto"}""", null)]
    [TestCase("""{"torch_dtype":null}""", null)]
    [TestCase("""{}""", null)]
    public void The_declared_dtype_is_read(string config, DType? expected)
    {
        Config(config);
        Shard("model.safetensors", "a");
        using var model = HuggingFaceFolder.Open(_folder.Path);

        Assert.That(model.DeclaredDType, Is.EqualTo(expected));
    }

    [Test]
    public void An_unknown_declared_dtype_is_refused()
    {
        Config("""{"torch_dtype":"float12"}""");
        Shard("model.safetensors", "a");

        Refused("'torch_dtype' is \"float12\"");
    }

    [TestCase("{}")]
    [TestCase("""{"architectures":[]}""")]
    [TestCase("""{"architectures":"LlamaForCausalLM"}""")]
    [TestCase("""{"architectures":[1]}""")]
    public void A_config_without_architecture_says_what_is_missing(string config)
    {
        Config(config);
        Shard("model.safetensors", "a");
        using var model = HuggingFaceFolder.Open(_folder.Path);

        Assert.That(() => model.Architecture, Throws.TypeOf<CheckpointException>().With.Message.Contains("'architectures' must name").And.Message.Contains("config.json"));
    }

    [Test]
    public void A_config_with_a_byte_order_mark_is_read()
    {
        Config("\ufeff{}");
        Shard("model.safetensors", "a");

        Assert.That(() => HuggingFaceFolder.Open(_folder.Path).Dispose(), Throws.Nothing);
    }

    [Test]
    public void Paths_that_are_no_folder_are_refused()
    {
        Write("file", "x");

        Assert.That(() => HuggingFaceFolder.Open(_folder.At("file")), Throws.TypeOf<CheckpointException>().With.Message.Contains("is a file"));
        Assert.That(() => HuggingFaceFolder.Open(_folder.At("none")), Throws.TypeOf<CheckpointException>().With.Message.Contains("does not exist"));
    }

    [Test]
    public void Weights_of_another_format_are_named()
    {
        Config();
        Write("model.gguf", "x");

        Refused("It has model.gguf, which is another format");
    }

    private void Config(string text = """{"architectures":["LlamaForCausalLM"]}""") => Write("config.json", text);

    private void Index(string text) => Write("model.safetensors.index.json", text);

    private void Write(string name, string text) => File.WriteAllText(_folder.At(name), text);

    private void Shard(string file, params string[] names)
    {
        using var writer = SafetensorsWriter.Create(_folder.At(file), [.. names.Select(name => TensorInfo.Of(name, DType.F16, 1))]);
        foreach (var name in names)
        {
            writer.Write(name, [1, 2]);
        }

        writer.Complete();
    }

    private void Refused(string expected) =>
        Assert.That(() => HuggingFaceFolder.Open(_folder.Path), Throws.TypeOf<CheckpointException>().With.Message.Contains(_folder.Path).And.Message.Contains(expected));
}
