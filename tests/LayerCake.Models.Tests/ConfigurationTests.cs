using System.Text.Json;
using System.Text.Json.Nodes;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Models.Tests;

public sealed class ConfigurationTests
{
    private const string Source = "model/config.json";

    [Test]
    public void A_folder_gives_all_numbers()
    {
        using var folder = HuggingFaceFolder.Open(RepositoryFiles.Golden("llama-gqa", "model"));

        var configuration = ModelConfiguration.Read(folder);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(configuration.Architecture, Is.EqualTo("LlamaForCausalLM"));
            Assert.That(configuration.HiddenSize, Is.EqualTo(512));
            Assert.That(configuration.IntermediateSize, Is.EqualTo(256));
            Assert.That(configuration.LayerCount, Is.EqualTo(1));
            Assert.That((configuration.HeadCount, configuration.KeyValueHeadCount), Is.EqualTo((4, 2)));
            Assert.That((configuration.HeadDimension, configuration.KeyValueSize), Is.EqualTo((128, 256)));
            Assert.That(configuration.VocabularySize, Is.EqualTo(97));
            Assert.That(configuration.RmsNormEpsilon, Is.EqualTo(1e-6));
            Assert.That(configuration.RopeTheta, Is.EqualTo(1e6));
            Assert.That(configuration.RopeScaling, Is.EqualTo(RopeScaling.None));
            Assert.That(configuration.MaxPositionEmbeddings, Is.EqualTo(2048));
            Assert.That(configuration.HasAttentionBias, Is.False);
            Assert.That(configuration.TiesHeadToEmbedding, Is.False);
        }
    }

    [TestCase("InternLMForCausalLM", null, true)]
    [TestCase("InternLMForCausalLM", """{"bias": false}""", false)]
    [TestCase("LlamaForCausalLM", null, false)]
    [TestCase("LlamaForCausalLM", """{"attention_bias": true}""", true)]
    [TestCase("LlamaForCausalLM", """{"bias": true}""", false)]
    public void Attention_biases_follow_the_family_s_own_field(string architecture, string? change, bool expected)
    {
        var configuration = Parse(Changed(change, architecture));

        Assert.That(configuration.HasAttentionBias, Is.EqualTo(expected));
    }

    [Test]
    public void Optional_fields_have_the_defaults_of_the_modelling_code()
    {
        var configuration = Parse("""
            {"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4,
             "num_hidden_layers": 1, "vocab_size": 10, "num_key_value_heads": null, "rope_scaling": null}
            """);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(configuration.KeyValueHeadCount, Is.EqualTo(4));
            Assert.That(configuration.RopeTheta, Is.EqualTo(10000));
            Assert.That(configuration.RmsNormEpsilon, Is.EqualTo(1e-6));
            Assert.That(configuration.MaxPositionEmbeddings, Is.EqualTo(2048));
        }
    }

    [TestCase("""{"rope_scaling": {"type": "linear", "factor": 4.0}}""", RopeScalingKind.Linear, 4, 10000)]
    [TestCase("""{"rope_scaling": {"type": "dynamic", "factor": 2}}""", RopeScalingKind.Dynamic, 2, 10000)]
    [TestCase("""{"rotary": {"base": 20000, "type": "dynamic"}}""", RopeScalingKind.Dynamic, 1, 20000)]
    [TestCase("""{"rotary": {"base": 20000, "type": "origin"}}""", RopeScalingKind.None, 1, 20000)]
    [TestCase("""{"rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}}""", RopeScalingKind.None, 1, 500000)]
    public void Rotary_settings_are_read_wherever_they_stand(string change, RopeScalingKind kind, double factor, double theta)
    {
        var configuration = Parse(Changed(change));

        Assert.That(configuration.RopeScaling, Is.EqualTo(new RopeScaling(kind, factor)));
        Assert.That(configuration.RopeTheta, Is.EqualTo(theta));
    }

    [TestCase("""{"architectures": ["GPT2LMHeadModel"]}""", "architecture 'GPT2LMHeadModel' is not supported. Supported are: InternLMForCausalLM, LlamaForCausalLM.")]
    [TestCase("""{"architectures": ["llamaforcausallm"]}""", "architecture 'llamaforcausallm' is not supported")]
    [TestCase("""{"architectures": []}""", "field 'architectures' must be a list that begins with the model's class name, but is []")]
    [TestCase("""{"architectures": null}""", "field 'architectures' must be a list that begins with the model's class name, but is missing")]
    [TestCase("""{"architectures": [7]}""", "field 'architectures' must be a list")]
    [TestCase("""{"hidden_size": null}""", "field 'hidden_size' is missing")]
    [TestCase("""{"hidden_size": "256"}""", "field 'hidden_size' must be an integer, but is \"256\"")]
    [TestCase("""{"hidden_size": 256.5}""", "field 'hidden_size' must be an integer, but is 256.5")]
    [TestCase("""{"hidden_size": 99999999999999999999}""", "field 'hidden_size' must be an integer")]
    [TestCase("""{"hidden_size": 0}""", "field 'hidden_size' is 0, outside 1 to 1048576")]
    [TestCase("""{"num_hidden_layers": -1}""", "field 'num_hidden_layers' is -1, outside 1 to 4096")]
    [TestCase("""{"num_hidden_layers": 2000000000}""", "field 'num_hidden_layers' is 2000000000")]
    [TestCase("""{"vocab_size": 4000000000}""", "field 'vocab_size' is 4000000000")]
    [TestCase("""{"num_attention_heads": 3}""", "hidden_size 256 is not a multiple of num_attention_heads 3")]
    [TestCase("""{"num_attention_heads": 4, "num_key_value_heads": 3}""", "num_attention_heads 4 is not a multiple of num_key_value_heads 3")]
    [TestCase("""{"head_dim": 64}""", "head_dim 64 differs from hidden_size / num_attention_heads = 128")]
    [TestCase("""{"num_attention_heads": 256}""", "the head size 1 (hidden_size / num_attention_heads) is odd")]
    [TestCase("""{"rms_norm_eps": "small"}""", "field 'rms_norm_eps' must be a number, but is \"small\"")]
    [TestCase("""{"rms_norm_eps": -1e-6}""", "field 'rms_norm_eps' is -1E-06")]
    [TestCase("""{"rope_theta": 0}""", "field 'rope_theta' is 0")]
    [TestCase("""{"rope_scaling": {"type": "yarn", "factor": 2}}""", "field 'rope_scaling' asks for the type \"yarn\", which is not supported")]
    [TestCase("""{"rope_scaling": {"type": "linear"}}""", "field 'rope_scaling' has no factor")]
    [TestCase("""{"rope_scaling": 2}""", "field 'rope_scaling' must be an object or null, but is 2")]
    [TestCase("""{"hidden_act": "gelu"}""", "hidden_act \"gelu\" is not supported")]
    [TestCase("""{"mlp_bias": true}""", "mlp_bias true is not supported")]
    [TestCase("""{"bias": 1}""", "field 'bias' must be true or false, but is 1")]
    public void A_bad_field_is_named_with_its_value(string change, string expected)
    {
        var json = Changed(change);

        Assert.That(() => Parse(json), Throws.TypeOf<ModelException>().With.Message.StartsWith($"{Source}: ").And.Message.Contains(expected));
    }

    [Test]
    public void A_configuration_that_is_no_object_is_refused()
    {
        Assert.That(() => Parse("[1, 2]"), Throws.TypeOf<ModelException>().With.Message.Contains("is not a JSON object: it begins as [1, 2]"));
    }

    [Test]
    public void Every_required_field_is_missed_by_name([Values("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "vocab_size")] string field)
    {
        var json = Changed($$"""{"{{field}}": null}""");

        Assert.That(() => Parse(json), Throws.TypeOf<ModelException>().With.Message.Contains($"field '{field}' is missing"));
    }

    private static ModelConfiguration Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return ModelConfiguration.Parse(document.RootElement, Source);
    }

    /// <summary>The InternLM golden configuration with some fields replaced; null removes one.</summary>
    private static string Changed(string? change, string architecture = "InternLMForCausalLM")
    {
        var root = JsonNode.Parse(File.ReadAllText(RepositoryFiles.Golden("internlm", "model", "config.json")))!.AsObject();
        root.Remove("bias");
        root["architectures"] = new JsonArray(architecture);
        foreach (var (name, value) in change is null ? [] : JsonNode.Parse(change)!.AsObject())
        {
            if (value is null)
            {
                root.Remove(name);
            }
            else
            {
                root[name] = value.DeepClone();
            }
        }

        return root.ToJsonString();
    }
}
