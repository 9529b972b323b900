namespace LayerCake.Models.Tests;

public sealed class FamilyTests
{
    [Test]
    public void Linears_come_in_construction_order()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ModelFamily.Llama.LayerLinears, Is.EqualTo(
                ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"]));
            Assert.That(ModelFamily.InternLM.LayerLinears, Is.EqualTo(
                ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"]));
        }
    }

    [Test]
    public void Smoothing_pairs_come_in_the_original_s_order()
    {
        var family = ModelFamily.Llama;

        var norms = family.NormSmoothings.Select(pair => $"{pair.Norm} > {string.Join(" ", pair.Consumers)}");
        var linears = family.LinearSmoothings.Select(pair => $"{pair.Previous} > {pair.Consumer}");

        Assert.That(norms, Is.EqualTo(
        [
            "input_layernorm > self_attn.k_proj self_attn.q_proj self_attn.v_proj",
            "post_attention_layernorm > mlp.gate_proj mlp.up_proj",
        ]));
        Assert.That(linears, Is.EqualTo(["self_attn.v_proj > self_attn.o_proj", "mlp.up_proj > mlp.down_proj"]));
    }

    [Test]
    public void Observed_modules_run_layer_by_layer_and_the_final_norm_is_last()
    {
        var configuration = TinyModels.Configuration(layers: 2);
        var family = ModelFamily.Of(configuration);

        var linears = family.ObservedLinears(configuration);
        var norms = family.ObservedNorms(configuration);

        Assert.That(linears, Has.Count.EqualTo(14));
        Assert.That(linears[7], Is.EqualTo("model.layers.1.self_attn.q_proj"));
        Assert.That(norms, Is.EqualTo(
        [
            "model.layers.0.input_layernorm", "model.layers.0.post_attention_layernorm",
            "model.layers.1.input_layernorm", "model.layers.1.post_attention_layernorm", "model.norm",
        ]));
    }

    [Test]
    public void Grouped_heads_make_keys_and_values_narrower()
    {
        var configuration = TinyModels.Configuration(layers: 1);

        var sizes = ModelFamily.Of(configuration).Linears(configuration).ToDictionary(linear => linear.Name, linear => (linear.OutputSize, linear.InputSize));

        Assert.That(sizes["self_attn.q_proj"], Is.EqualTo((64, 64)));
        Assert.That(sizes["self_attn.k_proj"], Is.EqualTo((32, 64)));
        Assert.That(sizes["self_attn.v_proj"], Is.EqualTo((32, 64)));
        Assert.That(sizes["mlp.gate_proj"], Is.EqualTo((96, 64)));
        Assert.That(sizes["mlp.down_proj"], Is.EqualTo((64, 96)));
    }

    [Test]
    public void An_unknown_architecture_lists_the_supported_ones()
    {
        var configuration = TinyModels.Configuration(layers: 1) with { Architecture = "BertModel" };

        Assert.That(
            () => ModelFamily.Of(configuration),
            Throws.TypeOf<ModelException>().With.Message.EqualTo("here: architecture 'BertModel' is not supported. Supported are: InternLMForCausalLM, LlamaForCausalLM."));
    }
}
