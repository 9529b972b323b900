using System.Buffers.Binary;
using LayerCake.Testing;

namespace LayerCake.Quantization.Tests.KeyValue;

public sealed class KeyValueParametersTests
{
    [TestCase("internlm", 1)]
    [TestCase("internlm", 2)]
    [TestCase("llama-gqa", 1)]
    [TestCase("llama-gqa", 2)]
    [TestCase("llama-sharded-bf16", 1)]
    public void Asymmetric_files_and_lines_equal_the_original_s(string model, int ranks)
    {
        using var output = new TemporaryFolder();
        var lines = new List<string>();

        KeyValueParameters.Write(output.Path, Compute(model, new KeyValueOptions { TensorParallel = ranks }), lines.Add);

        var expected = Directory.GetFiles(RepositoryFiles.Golden(model, $"kv_asym_tp{ranks}"));
        Assert.That(Directory.GetFiles(output.Path).Select(Path.GetFileName), Is.EquivalentTo(expected.Select(Path.GetFileName)));
        Assert.That(expected.All(file => File.ReadAllBytes(file).SequenceEqual(File.ReadAllBytes(output.At(Path.GetFileName(file))))), Is.True);
        Assert.That(string.Join('\n', lines) + "\n", Is.EqualTo(File.ReadAllText(RepositoryFiles.Golden(model, $"kv_asym_tp{ranks}.log"))));
    }

    [TestCase("internlm", 1)]
    [TestCase("internlm", 2)]
    [TestCase("llama-gqa", 1)]
    [TestCase("llama-gqa", 2)]
    [TestCase("llama-sharded-bf16", 1)]
    public void Symmetric_files_hold_the_original_s_scales_in_the_sixteen_bytes_the_engine_loads(string model, int ranks)
    {
        using var output = new TemporaryFolder();
        var lines = new List<string>();

        KeyValueParameters.Write(output.Path, Compute(model, new KeyValueOptions { TensorParallel = ranks, Symmetric = true }), lines.Add);

        foreach (var file in Directory.GetFiles(RepositoryFiles.Golden(model, $"kv_sym_tp{ranks}")))
        {
            var original = File.ReadAllBytes(file);
            byte[] expected = [.. original[..4], 0, 0, 0, 0, .. original[4..], 0, 0, 0, 0];
            Assert.That(File.ReadAllBytes(output.At(Path.GetFileName(file))), Is.EqualTo(expected), file);
        }

        Assert.That(string.Join('\n', lines) + "\n", Is.EqualTo(File.ReadAllText(RepositoryFiles.Golden(model, $"kv_sym_tp{ranks}.log"))));
    }

    [Test]
    public void The_published_example_rounds_twice_in_float16()
    {
        var parameters = Compute(One(-13.203125f, 12.5f), One(-1.91015625f, 2.099609375f), new KeyValueOptions()).Single();

        Assert.That(parameters.Line, Is.EqualTo("Layer 0 MP 0 qparam: \t0.10076904296875 \t-0.3515625 \t0.015716552734375 \t0.0947265625"));
        Assert.That(Convert.ToHexStringLower(parameters.ToBytes()), Is.EqualTo("0060ce3d0000b4be00c0803c0000c23d"));
    }

    [Test]
    public void The_published_symmetric_example_prints_scales_only()
    {
        var parameters = Compute(One(-13.203125f, 12.5f), One(-1.91015625f, 2.099609375f), new KeyValueOptions { Symmetric = true }).Single();

        Assert.That(parameters.Line, Is.EqualTo("Layer 0 MP 0 qparam: 0.10394287109375 \t0.0165252685546875"));
        Assert.That(Convert.ToHexStringLower(parameters.ToBytes()), Is.EqualTo("00e0d43d000000000060873c00000000"));
    }

    [Test]
    public void Layers_are_numbered_by_position()
    {
        var keys = One(-1, 1, "transformer.h.7");
        var values = One(-1, 1, "transformer.h.7");

        var parameters = Compute(keys, values, new KeyValueOptions()).Single();

        Assert.That(parameters.FileName, Is.EqualTo("layers.0.past_kv_scale.0.weight"));
    }

    [Test]
    public void Heads_that_do_not_divide_name_the_degrees_that_do()
    {
        var keys = Layers(("model.layers.0", new KeyValueStatistics(6, 1, new Half[6], new Half[6], new Half[6])));

        Assert.That(
            () => Compute(keys, keys, new KeyValueOptions { TensorParallel = 4 }),
            Throws.TypeOf<QuantizationException>().With.Message.EqualTo("model.layers.0 has 6 key heads, which do not divide among 4 ranks; tensor-parallel degrees that do: 1, 2, 3, 6."));
    }

    [TestCase(2f, 2f, "The key statistics of model.layers.0, rank 0 have a range from 2.0 to 2.0, which gives the scale 0.0")]
    [TestCase(-65504f, 65504f, "which gives the scale inf")]
    [TestCase(float.NegativeInfinity, 1f, "The key statistics of model.layers.0, rank 0 hold -inf in min")]
    [TestCase(0f, float.NaN, "hold nan in max")]
    [TestCase(0f, 1e-6f, "which gives the scale 0.0")]
    public void Statistics_without_a_usable_scale_are_refused_by_layer(float min, float max, string expected)
    {
        Assert.That(
            () => Compute(One(min, max), One(-1, 1), new KeyValueOptions()),
            Throws.TypeOf<QuantizationException>().With.Message.Contains(expected));
    }

    [Test]
    public void A_layer_of_zeros_has_no_symmetric_scale()
    {
        Assert.That(
            () => Compute(One(-1, 1), One(0, 0), new KeyValueOptions { Symmetric = true }),
            Throws.TypeOf<QuantizationException>().With.Message.StartsWith("The value statistics of model.layers.0, rank 0 have a largest magnitude of 0.0"));
    }

    [Test]
    public void Statistics_of_different_layers_are_refused()
    {
        Assert.That(
            () => Compute(One(-1, 1), One(-1, 1, "model.layers.1"), new KeyValueOptions()),
            Throws.TypeOf<QuantizationException>().With.Message.Contains("not from one calibration"));
    }

    [TestCase(4, 1, "kv_bits 4 is not possible")]
    [TestCase(8, 0, "tensor-parallel degree 0 is not possible")]
    public void Options_the_engine_cannot_use_are_refused(int bits, int ranks, string expected)
    {
        var options = new KeyValueOptions { Bits = bits, TensorParallel = ranks };

        Assert.That(options.Validate, Throws.TypeOf<QuantizationException>().With.Message.Contains(expected));
    }

    [Test]
    public void A_folder_that_does_not_exist_is_refused_as_the_original_says_it()
    {
        using var folder = new TemporaryFolder();

        Assert.That(
            () => KeyValueParameters.Write(folder.At("weights"), []),
            Throws.TypeOf<QuantizationException>().With.Message.StartsWith("The specified TurboMind directory does not exist"));
    }

    [Test]
    public void Bytes_are_four_little_endian_floats()
    {
        var parameters = new KeyValueParameters
        {
            Layer = 3, Rank = 1, Symmetric = false, KeyScale = 1, KeyZeroPoint = 2, ValueScale = 3, ValueZeroPoint = 4,
        };

        var bytes = parameters.ToBytes();

        Assert.That(Enumerable.Range(0, 4).Select(i => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(4 * i))), Is.EqualTo([1f, 2f, 3f, 4f]));
        Assert.That(parameters.FileName, Is.EqualTo("layers.3.past_kv_scale.1.weight"));
    }

    private static IReadOnlyList<KeyValueParameters> Compute(string model, KeyValueOptions options) =>
        Compute(StatisticsFiles.ReadKeys(Goldens.WorkDir(model)), StatisticsFiles.ReadValues(Goldens.WorkDir(model)), options);

    private static IReadOnlyList<KeyValueParameters> Compute(
        OrderedDictionary<string, KeyValueStatistics> keys, OrderedDictionary<string, KeyValueStatistics> values, KeyValueOptions options) =>
        KeyValueParameters.Compute(keys, values, options);

    private static OrderedDictionary<string, KeyValueStatistics> One(float min, float max, string layer = "model.layers.0") =>
        Layers((layer, new KeyValueStatistics(1, 1, [(Half)max], [(Half)min], [(Half)Math.Max(Math.Abs(min), Math.Abs(max))])));

    private static OrderedDictionary<string, KeyValueStatistics> Layers(params (string Name, KeyValueStatistics Statistics)[] layers)
    {
        var dictionary = new OrderedDictionary<string, KeyValueStatistics>();
        foreach (var (name, statistics) in layers)
        {
            dictionary.Add(name, statistics);
        }

        return dictionary;
    }
}
