using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Models.Tests;

public sealed class LayoutTests
{
    private static readonly ModelConfiguration Configuration = TinyModels.Configuration(layers: 2);

    [Test]
    public void Every_golden_checkpoint_fits_its_configuration([Values("internlm", "llama-gqa", "llama-sharded-bf16")] string model)
    {
        using var folder = HuggingFaceFolder.Open(RepositoryFiles.Golden(model, "model"));
        var configuration = ModelConfiguration.Read(folder);

        Assert.That(() => ModelLayout.Check(folder.Weights, configuration), Throws.Nothing);
        Assert.That(folder.Weights.Tensors.Select(tensor => tensor.Name), Is.EquivalentTo(ModelLayout.Tensors(configuration).Select(tensor => tensor.Name)));
    }

    [Test]
    public void A_complete_checkpoint_with_stored_rotary_frequencies_fits()
    {
        var weights = TinyModels.Complete(Configuration).With(TinyModels.Tensor("model.layers.0.self_attn.rotary_emb.inv_freq", DType.F32, 8));

        Assert.That(() => ModelLayout.Check(weights, Configuration), Throws.Nothing);
    }

    [Test]
    public void A_missing_tensor_is_named()
    {
        var weights = TinyModels.Complete(Configuration).Without("model.layers.1.mlp.up_proj.weight");

        Assert.That(
            () => ModelLayout.Check(weights, Configuration),
            Throws.TypeOf<ModelException>().With.Message.EqualTo("weights does not fit here: model.layers.1.mlp.up_proj.weight [96, 64] is missing."));
    }

    [Test]
    public void A_wrong_shape_is_named_with_the_right_one()
    {
        var weights = TinyModels.Complete(Configuration).With(TinyModels.Tensor("model.norm.weight", DType.F16, 65));

        Assert.That(
            () => ModelLayout.Check(weights, Configuration),
            Throws.TypeOf<ModelException>().With.Message.Contains("model.norm.weight has the shape [65], but by the configuration it must be [64]"));
    }

    [Test]
    public void A_dtype_that_is_no_weight_s_is_named()
    {
        var weights = TinyModels.Complete(Configuration).With(TinyModels.Tensor("model.norm.weight", DType.I32, 64));

        Assert.That(() => ModelLayout.Check(weights, Configuration), Throws.TypeOf<ModelException>().With.Message.Contains("model.norm.weight has the dtype I32"));
    }

    [Test]
    public void A_bias_the_configuration_knows_nothing_of_is_named()
    {
        var weights = TinyModels.Complete(Configuration).With(TinyModels.Tensor("model.layers.0.self_attn.q_proj.bias", DType.F16, 64));

        Assert.That(() => ModelLayout.Check(weights, Configuration), Throws.TypeOf<ModelException>().With.Message.Contains("model.layers.0.self_attn.q_proj.bias [64] is not part of"));
    }

    [Test]
    public void More_layers_than_configured_are_named()
    {
        var weights = TinyModels.Complete(TinyModels.Configuration(layers: 3));

        Assert.That(() => ModelLayout.Check(weights, Configuration), Throws.TypeOf<ModelException>().With.Message.Contains("with 2 layers").And.Message.Contains("and 1 more"));
    }

    [Test]
    public void An_already_quantized_checkpoint_is_told_so()
    {
        using var folder = HuggingFaceFolder.Open(RepositoryFiles.Golden("internlm", "awq"));
        var configuration = ModelConfiguration.Read(folder);

        Assert.That(() => ModelLayout.Check(folder.Weights, configuration), Throws.TypeOf<ModelException>().With.Message.Contains("already quantized"));
    }

    [Test]
    public void A_tied_head_may_be_absent_and_an_untied_one_may_not()
    {
        var weights = TinyModels.Complete(Configuration).Without("lm_head.weight");

        Assert.That(() => ModelLayout.Check(weights, Configuration with { TiesHeadToEmbedding = true }), Throws.Nothing);
        Assert.That(() => ModelLayout.Check(weights, Configuration), Throws.TypeOf<ModelException>().With.Message.Contains("lm_head.weight [10, 64] is missing"));
    }
}
