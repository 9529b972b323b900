using LayerCake.Testing;

namespace LayerCake.Runtime.Tests;

/// <summary>What a pass computes does not depend on how it is cut up, and what is inside can be looked at.</summary>
internal sealed class ForwardPassTests
{
    [Test]
    public void Logits_are_the_same_bits_for_any_pieces_and_threads([Values] bool int8)
    {
        var options = int8
            ? Models.OnCpu with { KeyValueCache = KeyValueCacheType.Int8, KeyValueScalesFolder = RepositoryFiles.Golden("internlm", "kv_asym_tp2") }
            : Models.OnCpu;
        var ids = Models.CalibrationRows("internlm")[0];
        using var whole = TurboMindModel.Load(RepositoryFiles.Golden("internlm", "model"), options);
        using var pieces = TurboMindModel.Load(
            RepositoryFiles.Golden("internlm", "model"), options with { TokensPerIteration = 7, Threads = 1, CacheBlockSequenceLength = 32 });

        Assert.That(Models.AllLogits(pieces, ids), Is.EqualTo(Models.AllLogits(whole, ids)));
    }

    [Test]
    public void A_layer_alone_makes_of_its_input_what_it_makes_in_the_model()
    {
        using var model = TurboMindModel.Load(RepositoryFiles.Golden("internlm", "model"), Models.OnCpu);
        var recorder = new Recorder();
        model.Logits(Models.CalibrationRows("internlm")[0], (_, _) => { }, recorder);
        var first = (float[])recorder.Values[(0, Activation.LayerInput)].Clone();
        var second = (float[])recorder.Values[(1, Activation.LayerInput)].Clone();
        Assert.That(second, Is.EqualTo(recorder.Values[(0, Activation.LayerOutput)]));

        model.RunLayer(0, first);
        model.RunLayer(1, second);

        // In the model a later layer's norm takes the squares of the sum before it is rounded, which hidden states from elsewhere do not have.
        Assert.That(first, Is.EqualTo(recorder.Values[(0, Activation.LayerOutput)]));
        Assert.That(Models.Deviation(recorder.Values[(1, Activation.LayerOutput)], second), Is.LessThan(1e-3));
        Assert.That(recorder.Values.Keys.Select(key => key.Activation).Distinct().Count(), Is.EqualTo(Enum.GetValues<Activation>().Length));
    }

    [Test]
    public void The_observed_inputs_and_weights_give_the_observed_outputs()
    {
        using var model = TurboMindModel.Load(RepositoryFiles.Golden("llama-gqa", "model"), Models.OnCpu);
        var recorder = new Recorder();
        model.Logits(Models.CalibrationRows("llama-gqa")[0][..5], (_, _) => { }, recorder);
        var (inputs, outputs) = model.WeightShape(Linear.Down);
        var weights = new float[inputs * outputs];
        model.ReadWeight(0, Linear.Down, 0, weights);
        var (x, y) = (recorder.Values[(0, Activation.FeedForwardInner)], recorder.Values[(0, Activation.FeedForwardOutput)]);
        for (var output = 0; output < outputs; output++)
        {
            double sum = 0;
            for (var input = 0; input < inputs; input++)
            {
                sum += (double)x[(4 * inputs) + input] * weights[(input * outputs) + output];
            }

            Assert.That(y[(4 * outputs) + output], Is.EqualTo(sum).Within(1e-6 + (1e-3 * Math.Abs(sum))));
        }
    }

    [Test]
    public void Logits_refuse_no_ids_too_many_and_foreign_ones()
    {
        using var model = TurboMindModel.Load(RepositoryFiles.Golden("internlm", "model"), Models.OnCpu with { SessionLength = 8 });

        Assert.That(() => model.Logits([], (_, _) => { }), Throws.InstanceOf<RuntimeException>());
        Assert.That(() => model.Logits(new int[9], (_, _) => { }), Throws.InstanceOf<RuntimeException>().With.Message.Contains("session_len 8"));
        Assert.That(() => model.Logits([96], (_, _) => { }), Throws.InstanceOf<RuntimeException>().With.Message.Contains("vocabulary of 96"));
        Assert.That(
            () => model.Logits([1], (_, _) => { }, cancellationToken: new CancellationToken(true)), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void Dynamic_NTK_grows_the_base_of_long_sequences_only()
    {
        using var feed = ModelLoading.Open(RepositoryFiles.Golden("internlm", "model"), Models.OnCpu);
        var configuration = feed.Configuration with { RopeTheta = 10000, RopeScalingFactor = 1, MaxPositionEmbeddings = 2048 };

        // The specification's example.
        Assert.That(RotaryFrequencies.Base(configuration, 8191), Is.EqualTo(40885).Within(1));
        Assert.That(RotaryFrequencies.Base(configuration with { RopeScalingFactor = 2 }, 2048), Is.EqualTo(10000));
        Assert.That(RotaryFrequencies.Base(configuration with { RopeScalingFactor = 0 }, 8191), Is.EqualTo(10000));
    }

    [Test]
    public void LogN_scales_queries_beyond_the_trained_length()
    {
        using var feed = ModelLoading.Open(RepositoryFiles.Golden("internlm", "model"), Models.OnCpu);
        var configuration = feed.Configuration with { UseLogNAttention = true, MaxPositionEmbeddings = 256 };

        Assert.That(LogN.Of(configuration, 255), Is.EqualTo(1f));
        Assert.That(LogN.Of(configuration, 511), Is.EqualTo(9f / 8));
        Assert.That(LogN.Of(configuration with { UseLogNAttention = false }, 511), Is.EqualTo(1f));
    }

    private sealed class Recorder : IActivationObserver
    {
        public Dictionary<(int Layer, Activation Activation), float[]> Values { get; } = [];

        public bool Wants(Activation activation) => true;

        public void Observe(int layer, Activation activation, int firstPosition, int columns, ReadOnlySpan<float> values)
        {
            Assert.That(values.Length % columns, Is.Zero);
            Values.Add((layer, activation), values.ToArray());
        }
    }
}
