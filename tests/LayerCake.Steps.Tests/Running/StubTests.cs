using System.Text.Json;
using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Recipes;
using LayerCake.Testing;
using LayerCake.TurboMind;

namespace LayerCake.Steps.Tests.Running;

/// <summary>The whole graph on a made-up checkpoint: that it is the whole graph, and that nothing it makes can be taken for a real result.</summary>
[TestFixture]
internal sealed class StubTests
{
    [Test]
    public async Task A_stub_run_is_the_whole_graph_and_satisfies_no_real_build()
    {
        using var project = new DemoProject();
        project.Edit("package: { launch_files: true }", "package: { launch_files: true, archive: tar }");
        using var scratch = new TemporaryFolder(onDisk: true);
        var stub = RecipeBuild.OpenStub(project.Recipe(), project.Artifacts, scratch.Path);

        var built = await DemoBuild.RunAsync(stub, RecipeBuild.StoreFolder(project.Artifacts));

        var real = project.Plan(RecipeBuild.StoreFolder(project.Artifacts));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(built.Ran, Is.EqualTo(real.Steps.Select(step => step.Name)));
            Assert.That(real.Steps.Select(step => step.Reason), Is.All.EqualTo("never built"));
            Assert.That(built.Build.OutputFolder, Is.EqualTo(Path.Combine(project.Artifacts, "demo-stub")));
        }
    }

    [Test]
    public void On_the_very_same_files_only_the_stub_in_the_key_tells_the_two_apart()
    {
        using var project = new DemoProject();
        using var scratch = new TemporaryFolder(onDisk: true);
        using var store = ArtifactStore.Open(scratch.At("store"), new StoreOptions { ReadOnly = true });
        var stub = RecipeBuild.OpenStub(project.Recipe(), project.Artifacts, scratch.Path);
        project.Edit("name: demo", "name: demo-stub");
        var real = RecipeBuild.Open(project.Recipe($"model.source={scratch.At("demo-stub")}"), project.Artifacts);

        var (stubs, reals) = (BuildPlan.Create("demo", stub.Steps, store), BuildPlan.Create("demo", real.Steps, store));

        foreach (var (one, other) in stubs.Steps.Zip(reals.Steps))
        {
            var differences = KeyDocument.Diff(other.Fields, one.Fields).Where(difference => !difference.Field.StartsWith("after.", StringComparison.Ordinal)).ToList();
            Assert.That(differences, Is.EqualTo(new[] { new KeyDifference("environment.stub", null, "true") }), one.Name);
            Assert.That(one.Key, Is.Not.EqualTo(other.Key));
        }
    }

    [Test]
    public void The_made_up_checkpoint_is_the_same_every_time()
    {
        using var project = new DemoProject();
        using var scratch = new TemporaryFolder(onDisk: true);
        using var store = ArtifactStore.Open(scratch.At("store"), new StoreOptions { ReadOnly = true });

        var keys = new[] { "one", "two" }.Select(name =>
            BuildPlan.Create("demo", RecipeBuild.OpenStub(project.Recipe(), project.Artifacts, scratch.At(name)).Steps, store).Steps.Select(step => step.Key).ToList()).ToList();

        Assert.That(keys[1], Is.EqualTo(keys[0]));
    }

    [TestCase("InternLMForCausalLM", "internlm-chat-7b", DType.F32, 4, "bias")]
    [TestCase("LlamaForCausalLM", "llama2", DType.BF16, 2, "tie_word_embeddings")]
    public async Task Every_family_and_element_type_has_a_stub_that_builds(string architecture, string name, DType type, int keyHeads, string flag)
    {
        using var project = new DemoProject();
        File.WriteAllText(project.InModel("config.json"), $$"""
            { "architectures": ["{{architecture}}"], "hidden_size": 512, "intermediate_size": 768, "num_attention_heads": 4, "num_key_value_heads": {{keyHeads}},
              "num_hidden_layers": 3, "vocab_size": 4096, "rms_norm_eps": 1e-6, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "{{flag}}": true,
              "_commit_hash": "0123456789012345678901234567890123456789" }
            """);
        WriteZeros(project, type, withHead: flag != "tie_word_embeddings");
        using var scratch = new TemporaryFolder(onDisk: true);
        var stub = RecipeBuild.OpenStub(project.Recipe($"model.name={name}"), project.Artifacts, scratch.Path);

        await DemoBuild.RunAsync(stub, scratch.At("store"));

        using var made = HuggingFaceFolder.Open(scratch.At("demo-stub"));
        var small = ModelConfiguration.Read(made);
        using (Assert.EnterMultipleScope())
        {
            WorkspaceListing.Read(stub.OutputFolder).ThrowIfFaulty();
            Assert.That((small.LayerCount, small.HeadCount, small.KeyValueHeadCount, small.HeadDimension), Is.EqualTo((2, 4 / keyHeads, 1, 128)));
            Assert.That(made.Weights.Tensors.Select(tensor => tensor.DType), Is.All.EqualTo(type));
            Assert.That(File.ReadAllText(Path.Combine(stub.OutputFolder, RecipeBuild.RecordFile)), Does.Contain("demo-stub"));
            Assert.That(File.ReadAllText(Path.Combine(stub.OutputFolder, "provenance.intoto.json")), Does.Not.Contain("0123456789012345678901234567890123456789"));
        }
    }

    // The shapes of Llama-2-7B, 13B, 70B and of InternLM-20B.
    [TestCase(4096, 11008, 32, 32, 1, 128)]
    [TestCase(5120, 13824, 40, 40, 2, 256)]
    [TestCase(8192, 28672, 64, 8, 4, 1024)]
    [TestCase(5120, 13824, 40, 40, 8, 1024)]
    public void A_stub_is_as_narrow_as_its_ranks_and_groups_allow(int hidden, int inner, int heads, int keyHeads, int parallel, int expected)
    {
        using var project = new DemoProject();
        var model = new ModelConfiguration
        {
            Architecture = "LlamaForCausalLM",
            Source = "config.json",
            HiddenSize = hidden,
            IntermediateSize = inner,
            LayerCount = 80,
            HeadCount = heads,
            KeyValueHeadCount = keyHeads,
            VocabularySize = 32000,
            RmsNormEpsilon = 1e-5,
            MaxPositionEmbeddings = 4096,
            HasAttentionBias = false,
        };

        var size = StubSize.Of(project.Recipe($"convert.tensor_parallel={parallel}"), model, TurboMind.WeightType.Int4);

        Assert.That(size.HiddenSize, Is.EqualTo(expected));
        Assert.That(size.IntermediateSize, Is.EqualTo(128 * parallel));
        Assert.That(size.LayerCount, Is.EqualTo(2));
    }

    [Test]
    public void What_the_real_model_is_refused_for_its_stub_is_refused_for()
    {
        using var project = new DemoProject();
        using var scratch = new TemporaryFolder(onDisk: true);
        File.Delete(project.InModel("tokenizer.model"));

        Assert.That(() => RecipeBuild.OpenStub(project.Recipe(), project.Artifacts, scratch.Path), Throws.InstanceOf<Text.TokenizerException>());
        Assert.That(Directory.EnumerateFileSystemEntries(scratch.Path), Is.Empty);
    }

    /// <summary>The checkpoint that config.json describes. Only its headers count.</summary>
    private static void WriteZeros(DemoProject project, DType type, bool withHead)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(project.InModel("config.json")));
        var tensors = ModelLayout.Tensors(ModelConfiguration.Parse(config.RootElement, "config.json"))
            .Where(tensor => withHead || tensor.Name != "lm_head.weight")
            .Select(tensor => TensorInfo.Of(tensor.Name, type, [.. tensor.Shape])).ToList();
        using var writer = SafetensorsWriter.Create(project.InModel("model.safetensors"), tensors);
        foreach (var tensor in tensors)
        {
            writer.Write(tensor.Name, new byte[tensor.ByteCount]);
        }

        writer.Complete();
    }
}
