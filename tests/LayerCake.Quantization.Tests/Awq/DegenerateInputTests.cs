using LayerCake.Checkpoints;

namespace LayerCake.Quantization.Tests.Awq;

/// <summary>Input on which the original stops with an assertion or writes garbage: a correct result here, or a refusal by name.</summary>
public sealed class DegenerateInputTests
{
    private const string Attention = "model.layers.0.self_attn";
    private const string Mlp = "model.layers.1.mlp";

    [Test]
    public void A_channel_without_activations_is_left_unscaled_and_the_product_is_kept()
    {
        using var model = new PatchedModel("internlm", absMax: absMax =>
        {
            foreach (var module in new[] { $"{Attention}.k_proj", $"{Attention}.q_proj", $"{Attention}.v_proj" })
            {
                absMax[module][7] = Half.Zero;
            }
        });

        model.Quantize();

        using var source = HuggingFaceFolder.Open(model.Folder);
        using var output = HuggingFaceFolder.Open(model.Output);
        var norm = source.Weights.ReadHalves("model.layers.0.input_layernorm.weight");
        var smoothed = output.Weights.ReadHalves("model.layers.0.input_layernorm.weight");
        Assert.That(smoothed[7], Is.EqualTo(norm[7]));
        AssertProductIsKept(source, output, "model.layers.0.input_layernorm", $"{Attention}.q_proj");
    }

    [Test]
    public void A_column_of_zero_weights_is_left_unscaled_and_the_product_is_kept()
    {
        using var model = new PatchedModel("internlm", weights =>
        {
            foreach (var module in new[] { $"{Mlp}.gate_proj", $"{Mlp}.up_proj" })
            {
                ForColumn(weights[$"{module}.weight"], 256, 31, (_, _) => Half.Zero);
            }
        });

        model.Quantize();

        using var source = HuggingFaceFolder.Open(model.Folder);
        using var output = HuggingFaceFolder.Open(model.Output);
        Assert.That(
            output.Weights.ReadHalves("model.layers.1.post_attention_layernorm.weight")[31],
            Is.EqualTo(source.Weights.ReadHalves("model.layers.1.post_attention_layernorm.weight")[31]));
        AssertProductIsKept(source, output, "model.layers.1.post_attention_layernorm", $"{Mlp}.gate_proj");
    }

    [Test]
    public void A_group_of_zero_weights_stands_for_zeros()
    {
        using var model = new PatchedModel("internlm", weights => weights[$"{Attention}.o_proj.weight"].AsSpan(0, 128).Clear());

        model.Quantize();

        using var output = HuggingFaceFolder.Open(model.Output);
        var weight = Dequantized.Weight(output.Weights, $"{Attention}.o_proj", 128);
        Assert.That(Enumerable.Range(0, 128).Select(column => weight[0, column]), Is.All.Zero);
        Assert.That(Enumerable.Range(128, 128).Select(column => weight[0, column]), Has.Some.Not.Zero);
    }

    [Test]
    public void A_weight_of_zeros_alone_is_quantized()
    {
        using var model = new PatchedModel("internlm", weights => weights[$"{Mlp}.down_proj.weight"].AsSpan().Clear());

        model.Quantize();

        using var output = HuggingFaceFolder.Open(model.Output);
        Assert.That(Dequantized.Weight(output.Weights, $"{Mlp}.down_proj", 128).Cast<double>(), Is.All.Zero);
    }

    [TestCase(0.25f)]
    [TestCase(-0.25f)]
    public void A_one_signed_weight_keeps_its_values(float center)
    {
        // The down projection of GQA models is smoothed; o_proj, whose value heads are grouped, is not: its values stay as given.
        var random = new Random(1);
        using var model = new PatchedModel("llama-gqa", weights =>
        {
            var weight = weights[$"{Attention}.o_proj.weight"];
            for (var i = 0; i < weight.Length; i++)
            {
                weight[i] = (Half)(center + (0.01 * random.NextDouble()));
            }
        });

        model.Quantize();

        using var source = HuggingFaceFolder.Open(model.Folder);
        using var output = HuggingFaceFolder.Open(model.Output);
        var expected = source.Weights.ReadHalves($"{Attention}.o_proj.weight");
        var actual = Dequantized.Weight(output.Weights, $"{Attention}.o_proj", 128);
        Assert.That(actual.Cast<double>().Zip(expected).Max(pair => Math.Abs(pair.First - (double)pair.Second)), Is.LessThan(0.26 / 15));
    }

    [TestCase("NaN", "holds NaN at [3, 5]")]
    [TestCase("Infinity", "holds Infinity at [3, 5]")]
    [TestCase("-Infinity", "holds -Infinity at [3, 5]")]
    public void A_weight_that_is_not_finite_is_refused_before_anything_is_written(string value, string expected)
    {
        using var model = new PatchedModel("internlm", weights => weights[$"{Mlp}.up_proj.weight"][(3 * 256) + 5] = Half.Parse(value, System.Globalization.CultureInfo.InvariantCulture));
        var lines = new List<string>();

        Assert.That(
            () => model.Quantize(progress: progress => lines.Add(progress.Line)),
            Throws.TypeOf<QuantizationException>().With.Message.Contains($"tensor {Mlp}.up_proj.weight {expected}"));
        Assert.That(lines, Is.Empty);
        Assert.That(Directory.EnumerateFileSystemEntries(model.Output), Is.Empty);
    }

    [Test]
    public void Without_the_scan_a_bad_weight_is_found_on_the_way_and_nothing_is_left_behind()
    {
        using var model = new PatchedModel("internlm", weights => weights[$"{Mlp}.up_proj.weight"][0] = Half.NaN);

        Assert.That(
            () => model.Quantize(request => request with { ScanWeights = false }),
            Throws.TypeOf<QuantizationException>().With.Message.Contains($"tensor {Mlp}.up_proj.weight holds NaN at [0, 0]"));
        Assert.That(Directory.EnumerateFileSystemEntries(model.Output), Is.Empty);
    }

    [TestCase("NaN", "hold the absmax NaN for input channel 9")]
    [TestCase("Infinity", "for input channel 9")]
    [TestCase("-1", "the absmax -1 for input channel 9")]
    public void Statistics_no_magnitude_can_have_are_refused(string value, string expected)
    {
        using var model = new PatchedModel("internlm", absMax: absMax => absMax[$"{Mlp}.down_proj"][9] = Half.Parse(value, System.Globalization.CultureInfo.InvariantCulture));

        Assert.That(() => model.Quantize(), Throws.TypeOf<QuantizationException>().With.Message.Contains(expected).And.Message.Contains($"{Mlp}.down_proj"));
    }

    [Test]
    public void Statistics_of_another_model_are_refused_by_module()
    {
        using var missing = new PatchedModel("internlm", absMax: absMax => absMax.Remove($"{Mlp}.gate_proj"));
        using var shorter = new PatchedModel("internlm", absMax: absMax => absMax[$"{Mlp}.gate_proj"] = new Half[128]);

        Assert.That(() => missing.Quantize(), Throws.TypeOf<QuantizationException>().With.Message.Contains($"no inputs of {Mlp}.gate_proj"));
        Assert.That(() => shorter.Quantize(), Throws.TypeOf<QuantizationException>().With.Message.Contains($"128 channels for the input of {Mlp}.gate_proj, which has 256"));
    }

    [Test]
    public void Weights_that_smoothing_makes_too_large_are_refused_by_tensor()
    {
        using var model = new PatchedModel(
            "internlm",
            weights => ForColumn(weights[$"{Mlp}.down_proj.weight"], 256, 4, (row, value) => row == 0 ? (Half)60000 : (Half)1e-7f),
            absMax => absMax[$"{Mlp}.down_proj"][4] = (Half)60000);

        Assert.That(() => model.Quantize(), Throws.TypeOf<QuantizationException>().With.Message.Contains($"Smoothing {Mlp}.down_proj.weight leaves the range of float16 at [0, 4]"));
    }

    private static void ForColumn(Half[] weight, int columns, int column, Func<int, Half, Half> change)
    {
        for (var row = 0; row < weight.Length / columns; row++)
        {
            weight[(row * columns) + column] = change(row, weight[(row * columns) + column]);
        }
    }

    /// <summary>norm · W is what the layer computes; smoothing must not change it beyond the rounding to four bits.</summary>
    private static void AssertProductIsKept(HuggingFaceFolder source, HuggingFaceFolder output, string norm, string linear)
    {
        var (before, after) = (source.Weights.ReadHalves($"{norm}.weight"), output.Weights.ReadHalves($"{norm}.weight"));
        var weight = source.Weights.ReadHalves($"{linear}.weight");
        var quantized = Dequantized.Weight(output.Weights, linear, 128);
        var (error, energy) = (0.0, 0.0);
        for (var i = 0; i < weight.Length; i++)
        {
            var (row, column) = (i / before.Length, i % before.Length);
            var expected = (double)before[column] * (double)weight[i];
            error += Math.Pow(((double)after[column] * quantized[row, column]) - expected, 2);
            energy += expected * expected;
        }

        Assert.That(error / energy, Is.LessThan(0.05));
    }
}
