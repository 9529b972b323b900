using LayerCake.Models;
using LayerCake.Torch;

namespace LayerCake.Calibration.Tests;

internal sealed class RefusalTests
{
    // 30000 in float16: the high byte of every element. Norms and products of such weights overflow.
    private const byte Huge = 0x77;

    [Test]
    public void A_token_outside_the_vocabulary_is_named()
    {
        using var model = new GoldenModel("internlm");
        int[][] samples = [[1, 2, 3], [4, 96, 5]];

        Assert.That(
            () => Calibrator.Run(model.Request with { Samples = samples }),
            Throws.TypeOf<CalibrationException>().With.Message.Contains("Sample 1 has token id 96 at position 1").And.Message.Contains("is 96"));
    }

    [Test]
    public void Samples_of_different_lengths_are_refused()
    {
        using var model = new GoldenModel("internlm");
        int[][] samples = [[1, 2, 3], [4, 5]];

        Assert.That(() => Calibrator.Run(model.Request with { Samples = samples }), Throws.TypeOf<CalibrationException>().With.Message.Contains("Sample 1 has 2 tokens, sample 0 has 3"));
    }

    [Test]
    public void No_samples_are_refused([Values] bool none)
    {
        using var model = new GoldenModel("internlm");
        int[][] samples = none ? [] : [[]];

        Assert.That(() => Calibrator.Run(model.Request with { Samples = samples }), Throws.TypeOf<CalibrationException>().With.Message.Contains("nothing to calibrate with"));
    }

    [Test]
    public void An_unknown_device_is_refused()
    {
        using var model = new GoldenModel("internlm");

        Assert.That(() => Calibrator.Run(model.Request with { Device = "tpu" }), Throws.TypeOf<TorchException>().With.Message.Contains("'tpu'"));
    }

    [Test]
    public void A_weight_that_is_not_a_number_is_named()
    {
        using var model = new GoldenModel("internlm");
        using var weights = new AlteredSource(model.Weights, "model.layers.1.mlp.up_proj.weight", (at, old) => at is 100 or 101 ? (byte)0x7f : old);

        Assert.That(
            () => Calibrator.Run(model.Request with { Weights = weights }),
            Throws.TypeOf<ModelException>().With.Message.Contains("model.layers.1.mlp.up_proj.weight holds infinities or NaN"));
    }

    [Test]
    public void An_embedding_that_is_not_a_number_is_named_if_a_sample_uses_it()
    {
        using var model = new GoldenModel("internlm");
        using var weights = new AlteredSource(model.Weights, "model.embed_tokens.weight", (at, old) => at < 512 ? (byte)0x7f : old);
        int[][] without = [[1, 2, 3]], with = [[1, 0, 3]];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => Calibrator.Run(model.Request with { Weights = weights, Samples = without }), Throws.Nothing);
            Assert.That(
                () => Calibrator.Run(model.Request with { Weights = weights, Samples = with }),
                Throws.TypeOf<ModelException>().With.Message.Contains("model.embed_tokens.weight"));
        }
    }

    [TestCase("model.layers.1.mlp.up_proj.weight", "the output of model.layers.1.mlp.up_proj")]
    [TestCase("model.layers.0.self_attn.k_proj.weight", "the output of model.layers.0.self_attn.k_proj")]
    [TestCase("model.layers.1.input_layernorm.weight", "the output of model.layers.1.input_layernorm")]
    [TestCase("model.norm.weight", "the output of model.norm")]
    public void An_overflow_of_float16_names_where_it_appears(string tensor, string place)
    {
        using var model = new GoldenModel("internlm");
        using var weights = new AlteredSource(model.Weights, tensor, (at, old) => at % 2 == 1 ? Huge : old);

        Assert.That(
            () => Calibrator.Run(model.Request with { Weights = weights }),
            Throws.TypeOf<CalibrationException>().With.Message.Contains(place).And.Message.Contains("infinite or not a number"));
    }

    [Test]
    public void The_plain_way_names_an_overflow_too()
    {
        using var model = new GoldenModel("internlm");
        using var weights = new AlteredSource(model.Weights, "model.layers.1.mlp.up_proj.weight", (at, old) => at % 2 == 1 ? Huge : old);
        LibTorch.EnsureLoaded();
        var calibration = new CudaCalibration(model.Request with { Weights = weights }, Quantization.CalibrationStatistics.For(model.Configuration), null);

        Assert.That(
            () => calibration.Run(TorchSharp.torch.CPU, CancellationToken.None),
            Throws.TypeOf<CalibrationException>().With.Message.Contains("the output of model.layers.1.mlp.up_proj"));
    }

    [Test]
    public void Weights_of_another_configuration_are_refused()
    {
        using var model = new GoldenModel("internlm");

        Assert.That(
            () => Calibrator.Run(model.Request with { Configuration = model.Configuration with { IntermediateSize = 512 } }),
            Throws.TypeOf<ModelException>().With.Message.Contains("model.layers.0.mlp.gate_proj.weight"));
    }

    [Test]
    public void A_budget_that_cannot_hold_one_thread_is_refused_with_both_numbers()
    {
        using var model = new GoldenModel("internlm");

        Assert.That(
            () => Calibrator.Run(model.Request with { MemoryBudget = 1 << 20 }),
            Throws.TypeOf<CalibrationException>().With.Message.Match(@"needs \d+ MB, but the budget is 1 MB"));
    }
}
