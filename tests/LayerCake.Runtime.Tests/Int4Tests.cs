using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Testing;
using LayerCake.TurboMind;

namespace LayerCake.Runtime.Tests;

/// <summary>Int4 weights: against the tensors they come from, and against the engine's own products.</summary>
internal sealed unsafe class Int4Tests
{
    private static readonly int[] s_awqOrder = [0, 2, 4, 6, 1, 3, 5, 7];

    [TestCase(1)]
    [TestCase(2)]
    public void Weights_are_code_less_zero_times_scale_of_the_AWQ_tensors(int ranks)
    {
        using var folder = new TemporaryFolder();
        Models.CopyAwq("llama-gqa", folder.At("awq"));
        Models.Convert(folder.At("awq"), folder.At("weights"), ranks, isAwq: true);
        using var awq = TurboMindModel.Load(folder.At("awq"), Models.OnCpu);
        using var workspace = TurboMindModel.Load(folder.At("weights"), Models.OnCpu);
        using var tensors = HuggingFaceFolder.Open(folder.At("awq"));
        const int heads = 4;
        var names = new Dictionary<Linear, string[]>
        {
            [Linear.QueryKeyValue] = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
            [Linear.AttentionOutput] = ["self_attn.o_proj"],
            [Linear.Gate] = ["mlp.gate_proj"],
            [Linear.Up] = ["mlp.up_proj"],
            [Linear.Down] = ["mlp.down_proj"],
        };
        foreach (var (linear, sources) in names)
        {
            var (inputs, outputs) = awq.WeightShape(linear);
            var (fromAwq, fromWorkspace) = (new float[inputs * outputs], new float[inputs * outputs]);
            awq.ReadWeight(0, linear, 0, fromAwq);
            workspace.ReadWeight(0, linear, 0, fromWorkspace);
            var columns = sources.Select(name => Dequantize(tensors.Weights, $"model.layers.0.{name}", inputs)).ToArray();
            var expected = new float[inputs * outputs];
            for (var input = 0; input < inputs; input++)
            {
                var output = 0;
                for (var source = 0; source < columns.Length; source++)
                {
                    var width = columns[source].GetLength(1);
                    for (var column = 0; column < width; column++, output++)
                    {
                        // Queries and keys are rotary pairs of neighbours: 2i from i, 2i + 1 from i + 64.
                        var isRotary = linear == Linear.QueryKeyValue && source < 2;
                        var from = isRotary ? (column / 128 * 128) + (64 * (column % 2)) + (column % 128 / 2) : column;
                        expected[(input * outputs) + output] = columns[source][input, from];
                    }
                }
            }

            Assert.That(fromAwq, Is.EqualTo(expected), linear.ToString());
            Assert.That(fromWorkspace, Is.EqualTo(expected), $"{linear} of {ranks} ranks");
        }

        Assert.That(awq.Configuration.HeadCount, Is.EqualTo(heads));
    }

    [TestCase("attention.w_qkv", Linear.QueryKeyValue)]
    [TestCase("attention.wo", Linear.AttentionOutput)]
    [TestCase("feed_forward.w2", Linear.Down)]
    public void Products_agree_with_the_engines_kernels(string name, Linear linear)
    {
        foreach (var rows in (int[])[1, 3, 16])
        {
            var (x, y) = GoldenProduct($"int4.{name}.plain.n{rows}");
            var product = Product(x, rows, linear);

            AssertWithinSummationOrder(x, product, y, rows, linear);
        }
    }

    [TestCase(1)]
    [TestCase(3)]
    [TestCase(16)]
    public void The_gate_agrees_with_the_engines_fused_kernel(int rows)
    {
        var (x, y) = GoldenProduct($"int4.feed_forward.w13.silu.n{rows}");
        var gate = Product(x, rows, Linear.Gate);
        var up = Product(x, rows, Linear.Up);
        fixed (float* gatePointer = gate, upPointer = up)
        {
            Rows<Float16Type>.SwiGlu(gatePointer, upPointer, gate.Length, fused: true);
        }

        // Gate and up may each be a float16 step off where the sums lie near a tie; the engine's exponential is approximate.
        Assert.That(Models.Deviation(y, gate), Is.LessThan(2e-3));
    }

    [Test]
    public void Logits_are_those_of_the_dequantized_weights_as_a_float16_workspace()
    {
        using var folder = new TemporaryFolder();
        Models.CopyAwq("internlm", folder.At("awq"));
        Models.Convert(folder.At("awq"), folder.At("int4"), isAwq: true);
        using var int4 = TurboMindModel.Load(folder.At("int4"), Models.OnCpu);
        Dequantize(int4, folder.At("int4"), Directory.CreateDirectory(folder.At("float16")).FullName);
        using var float16 = TurboMindModel.Load(folder.At("float16"), Models.OnCpu);
        using var awq = TurboMindModel.Load(folder.At("awq"), Models.OnCpu);
        var ids = Models.CalibrationRows("internlm")[0];
        var logits = Models.AllLogits(int4, ids);

        // They differ in one rounding only: the engine's fused int4 product rounds silu(gate) · up once, the float one after silu too.
        Assert.That(Models.Deviation(Models.AllLogits(float16, ids), logits), Is.LessThan(2e-3));
        Assert.That(Models.AllLogits(awq, ids), Is.EqualTo(logits));
        Assert.That(int4.Memory.WeightBytes, Is.LessThan(0.6 * float16.Memory.WeightBytes));
    }

    /// <summary>A float16 workspace with an int4 model's weights.</summary>
    private static void Dequantize(TurboMindModel model, string source, string target)
    {
        foreach (var file in Directory.EnumerateFiles(source).Where(file => !file.EndsWith(".qweight") && !file.EndsWith(".scales_zeros")))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        EngineConfigurationFile.Write(target, model.Configuration with { WeightType = WeightType.Float16 });
        var names = new Dictionary<Linear, string>
        {
            [Linear.QueryKeyValue] = "attention.w_qkv",
            [Linear.AttentionOutput] = "attention.wo",
            [Linear.Gate] = "feed_forward.w1",
            [Linear.Up] = "feed_forward.w3",
            [Linear.Down] = "feed_forward.w2",
        };
        for (var layer = 0; layer < model.Configuration.LayerCount; layer++)
        {
            foreach (var (linear, name) in names)
            {
                var (inputs, outputs) = model.WeightShape(linear);
                var values = new float[inputs * outputs];
                model.ReadWeight(layer, linear, 0, values);
                var halves = values.Select(value => (Half)value).ToArray();
                File.WriteAllBytes(Path.Combine(target, $"layers.{layer}.{name}.0.weight"), MemoryMarshal.AsBytes(halves.AsSpan()).ToArray());
            }
        }
    }

    /// <summary>The sum's terms in absolute value bound what another order of float32 additions can change, then one rounding to float16.</summary>
    private static void AssertWithinSummationOrder(float[] x, float[] actual, float[] expected, int rows, Linear linear)
    {
        using var folder = new TemporaryFolder();
        Models.CopyAwq("internlm", folder.Path);
        using var model = TurboMindModel.Load(folder.Path, Models.OnCpu);
        var (inputs, outputs) = model.WeightShape(linear);
        var weights = new float[inputs * outputs];
        model.ReadWeight(0, linear, 0, weights);
        for (var row = 0; row < rows; row++)
        {
            for (var output = 0; output < outputs; output++)
            {
                double magnitude = 0;
                for (var input = 0; input < inputs; input++)
                {
                    magnitude += Math.Abs((double)x[(row * inputs) + input] * weights[(input * outputs) + output]);
                }

                var index = (row * outputs) + output;
                var bound = (magnitude * inputs * Math.Pow(2, -24)) + (Math.Abs(expected[index]) * Math.Pow(2, -10)) + Math.Pow(2, -24);
                Assert.That(actual[index], Is.EqualTo(expected[index]).Within(bound), $"{linear} [{row}, {output}]");
            }
        }
    }

    private static float[] Product(float[] x, int rows, Linear linear)
    {
        using var folder = new TemporaryFolder();
        Models.CopyAwq("internlm", folder.Path);
        using var feed = ModelLoading.Open(folder.Path, Models.OnCpu);
        using var weights = new ModelWeights<Float16Type>(feed.Configuration);
        feed.Feed(weights, CancellationToken.None);
        var matrix = weights.Layers[0].Matrix(linear);
        using var workers = new WorkerPool(2);
        using var product = new MatrixProduct<Float16Type>(workers);
        var y = new float[rows * matrix.Outputs];
        fixed (float* from = x, to = y)
        {
            product.Multiply(matrix, from, matrix.Inputs, rows, to, matrix.Outputs);
        }

        return y;
    }

    private static (float[] X, float[] Y) GoldenProduct(string name)
    {
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden("engine_kernels.safetensors"));
        return (Read(name + ".x"), Read(name + ".y"));

        float[] Read(string tensor) => [.. MemoryMarshal.Cast<byte, Half>(file.ReadAll(tensor)).ToArray().Select(value => (float)value)];
    }

    private static float[,] Dequantize(ITensorSource source, string name, int inputs)
    {
        var codes = MemoryMarshal.Cast<byte, uint>(source.ReadAll(name + ".qweight"));
        var zeros = MemoryMarshal.Cast<byte, uint>(source.ReadAll(name + ".qzeros"));
        var scaleTensor = source.Find(name + ".scales");
        var outputs = (int)scaleTensor.Shape[1];
        var bytes = source.ReadAll(name + ".scales");
        var result = new float[inputs, outputs];
        for (var input = 0; input < inputs; input++)
        {
            for (var output = 0; output < outputs; output++)
            {
                var shift = 4 * Array.IndexOf(s_awqOrder, output % 8);
                var code = (int)(codes[(input * (outputs / 8)) + (output / 8)] >> shift) & 15;
                var zero = (int)(zeros[((input / 128) * (outputs / 8)) + (output / 8)] >> shift) & 15;
                var at = (input / 128 * outputs) + output;
                var scale = scaleTensor.DType == DType.F32
                    ? (float)(Half)MemoryMarshal.Cast<byte, float>(bytes)[at]
                    : (float)MemoryMarshal.Cast<byte, Half>(bytes)[at];
                result[input, output] = (float)(Half)((code - zero) * scale);
            }
        }

        return result;
    }
}
