using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Testing;
using LayerCake.Text;
using LayerCake.Torch;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction.Tests;

internal sealed unsafe class SpanLearnerTests
{
    private static readonly string[] Golden = ["internlm", "llama-gqa", "llama-sharded-bf16"];
    private static readonly ParallelOptions Options = new() { MaxDegreeOfParallelism = 2 };

    [OneTimeSetUp]
    public void LoadLibtorch() => LibTorch.EnsureLoaded();

    [Test]
    public void A_layer_that_is_learned_computes_what_the_quantized_layer_computes([ValueSource(nameof(Golden))] string name, [Values] bool fused)
    {
        using var work = new Work(name, damage: 1, samples: 2);
        using var rotary = new RotaryTensors(work.Configuration, work.Before.Tokens, CPU);
        using var attention = new LearnedAttention(work.Configuration, work.Before.Tokens, CPU, fused);
        using var learned = new LearnedLayer(work.SpanLayers[0], fused ? 0.4 : 0, work.Configuration, rotary, attention, CPU);
        using var scope = NewDisposeScope();
        using var expected = work.Before.Clone();
        Through(work.Layers[0].Layer, expected, work.Configuration);

        using var none = no_grad();
        var given = learned.Run(ValuesOf(work.Before)).data<float>().ToArray();
        var wanted = ValuesOf(expected).data<float>().ToArray();

        // The layer rounds to float16 between its parts, the learned one does not.
        var largest = wanted.Max(Math.Abs);
        Assert.That(given.Zip(wanted, (a, b) => Math.Abs(a - b)).Max(), Is.LessThan(4e-3 * largest));
    }

    [TestCaseSource(nameof(Golden))]
    public void Learning_mends_scales_that_are_too_large_and_leaves_legal_codes(string name)
    {
        using var work = new Work(name, damage: 1.2f, samples: 1);
        var settings = new LearningSettings { Steps = 24, TokensPerStep = 48, CodeRate = 1e-3, HiddenCodeRate = 1e-3, HiddenTokensPerStep = 48, ScaleRate = 1.5e-2 };
        var head = work.Layers.Count == work.Configuration.LayerCount ? new OutputHead(work.Model.Weights, work.Configuration, CPU) : null;
        using (head)
        {
            var before = Distance(work);
            using var learned = work.Learn(settings, head);
            work.Layers = [.. work.Layers.Select((layer, i) => layer.With(learned.Layers![i], work.Originals[i], 2))];

            using (Assert.EnterMultipleScope())
            {
                Assert.That(learned.Best, Is.LessThan(0.7 * learned.First));
                Assert.That(Distance(work), Is.LessThan(before), "what the layers give in the engine's own arithmetic");
                foreach (var linear in work.Layers.SelectMany(layer => layer.Linears.Values))
                {
                    var codes = linear.Codes;
                    for (var output = 0; output < codes.Outputs; output += 7)
                    {
                        Assert.That(Enumerable.Range(0, codes.Inputs).Select(input => codes.Code(output, input)), Has.All.Matches<float>(code => code is >= 0 and <= 15 && code == MathF.Floor(code)));
                        Assert.That(Enumerable.Range(0, codes.Groups).Select(group => codes.Scale(output, group)), Has.All.Matches<float>(scale => scale >= 0 && scale == (float)(Half)scale));
                    }

                    Assert.That(linear.WeightError, Is.InRange(0, 0.2));
                }
            }
        }
    }

    [Test]
    public void What_does_not_help_on_samples_held_back_is_not_kept()
    {
        using var work = new Work("internlm", damage: 1, samples: 2);
        var settings = new LearningSettings { Steps = 4, HiddenTokensPerStep = 48, HiddenCodeRate = 8, ScaleRate = 1, VectorRate = 1 };

        using var learned = work.Learn(settings, null);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(learned.Best, Is.EqualTo(learned.First));
            Assert.That(learned.Layers, Is.Null);
        }
    }

    /// <summary>Hidden states of a golden model before its layers and after them, and the layers rounded to nearest, with scales that are too large.</summary>
    private sealed class Work : IDisposable
    {
        public Work(string name, float damage, int samples)
        {
            Model = HuggingFaceFolder.Open(RepositoryFiles.Golden(name, "model"));
            Configuration = ModelConfiguration.Read(Model);
            var random = new PythonRandom(5);
            int[][] ids = [.. Enumerable.Range(0, samples).Select(_ => Enumerable.Range(0, 24).Select(_ => (int)random.RandInt(0, Configuration.VocabularySize - 1)).ToArray())];
            Before = HiddenStates.Embed(Model.Weights, Configuration, ids);
            Wanted = Before.Clone();
            var layers = new List<ReconstructedLayer>();
            for (var layer = 0; layer < Configuration.LayerCount; layer++)
            {
                Originals.Add(StagedLayer.Load(Model.Weights, Configuration, layer, CancellationToken.None));
                Through(Originals[layer], Wanted, Configuration);
                layers.Add(LayerReconstruction.RoundPlainly(Originals[layer], Configuration, layer, 128, Options));
            }

            Layers = layers;
            foreach (var (linear, solved) in layers.SelectMany(layer => layer.Linears.Select(pair => ((layer.Layer, pair.Key), pair.Value.Codes))))
            {
                for (var output = 0; output < solved.Outputs; output++)
                {
                    for (var group = 0; group < solved.Groups; group++)
                    {
                        solved.Scale(output, group) = (float)(Half)(solved.Scale(output, group) * damage);
                    }
                }

                linear.Layer.Replace(linear.Key, solved.Dequantize(2));
            }
        }

        public HuggingFaceFolder Model { get; }

        public ModelConfiguration Configuration { get; }

        public HiddenStates Before { get; }

        public HiddenStates Wanted { get; }

        public List<StagedLayer> Originals { get; } = [];

        public IReadOnlyList<ReconstructedLayer> Layers { get; set; }

        public IReadOnlyList<SpanLayer> SpanLayers =>
            [.. Layers.Zip(Originals, (layer, original) => new SpanLayer(layer, name => layer.Linears[name].Wanted(original.Weight(name))))];

        public LearnedSpan Learn(LearningSettings settings, OutputHead? head)
        {
            using var before = DeviceStates.Of(Before, CPU);
            using var wanted = DeviceStates.Of(Wanted, CPU);
            return new SpanLearner(Configuration, settings, CPU, null).Run(SpanLayers, before, wanted, head, 0, CancellationToken.None);
        }

        public void Dispose()
        {
            foreach (var layer in Layers)
            {
                layer.Dispose();
            }

            foreach (var layer in Originals)
            {
                layer.Dispose();
            }

            Before.Dispose();
            Wanted.Dispose();
            Model.Dispose();
        }
    }

    private static void Through(StagedLayer layer, HiddenStates states, ModelConfiguration configuration)
    {
        using var buffers = new SampleBuffers(configuration, states.Tokens);
        var rotary = RotaryAngles.Table(configuration, states.Tokens);
        for (var sample = 0; sample < states.Samples; sample++)
        {
            states.Read(sample, buffers.Hidden, buffers.HiddenStride);
            layer.Run(buffers, rotary);
            states.Write(sample, buffers.Hidden, buffers.HiddenStride);
        }
    }

    private static double Distance(Work work)
    {
        using var states = work.Before.Clone();
        foreach (var layer in work.Layers)
        {
            Through(layer.Layer, states, work.Configuration);
        }

        using var scope = NewDisposeScope();
        return (ValuesOf(states) - ValuesOf(work.Wanted)).square().mean().item<float>();
    }

    private static Tensor ValuesOf(HiddenStates states)
    {
        var values = new float[states.Samples * states.Tokens * states.Channels];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)states.Sample(0)[i];
        }

        return tensor(values, ScalarType.Float32).view(states.Samples, states.Tokens, states.Channels);
    }
}
