using System.Diagnostics;
using System.Text.Json;
using LayerCake.Models;
using LayerCake.Quantization;
using LayerCake.Quantization.Int4;
using LayerCake.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction.Tests.Learning;

/// <summary>Prints how long the parts of a step of learning take, with InternLM-7B's sizes.</summary>
[Category("Gpu")]
internal sealed class LearningRates
{
    private const int Tokens = 2048;

    private static string Shape => Environment.GetEnvironmentVariable("LAYERCAKE_SHAPE") ?? "internlm-7b";

    private static torch.Device Gpu => TorchDevices.Resolve("auto");

    [Test]
    public void Rates()
    {
        LibTorch.EnsureLoaded();
        var device = Gpu;
        var shape = SyntheticShape.All.First(shape => shape.Name == Shape);
        var configuration = ModelConfiguration.Parse(JsonSerializer.SerializeToElement(shape.Configuration()), "shape");
        using var scope = NewDisposeScope();
        using var rotary = new RotaryTensors(configuration, Tokens, device);
        using var attention = new LearnedAttention(configuration, Tokens, device);
        using var fused = new LearnedAttention(configuration, Tokens, device, fused: true);
        using var learned = new LearnedLayer(new SpanLayer(new RandomLayer(configuration), _ => throw new NotSupportedException()), 0, configuration, rotary, attention, device);
        var hidden = rand([1, Tokens, configuration.HiddenSize], device: device);
        using var optimizer = optim.Adam(learned.Codes, 0.01, 0.9, 0.99);
        var heads = new long[] { 1, configuration.HeadCount, Tokens, configuration.HeadDimension };
        foreach (var fast in new[] { false, true })
        {
            backends.cuda.matmul.allow_tf32 = fast;
            TestContext.Out.WriteLine(fast ? "TF32" : "float32");
            Time("forward without gradients", () =>
            {
                using var none = no_grad();
                learned.Run(hidden);
            });
            Time("forward", () => learned.Run(hidden));
            Time("forward and backward", () => learned.Run(hidden).square().mean().backward());
            Time("attention forward and backward", () => Attend(attention));
            Time("fused attention forward and backward", () => Attend(fused));
        }

        Time("Adam", () => optimizer.step());
        Time("snapshot", () => learned.Snapshot().Dispose());
        backends.cuda.matmul.allow_tf32 = false;

        void Attend(LearnedAttention attention)
        {
            using var q = new TorchSharp.Modules.Parameter(rand(heads, ScalarType.Float32, device), true);
            attention.Run(q, q, q).sum().backward();
        }
    }

    private static void Time(string name, Action run)
    {
        const int Times = 5;
        for (var i = 0; i < 2; i++)
        {
            Once();
        }

        Wait();
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < Times; i++)
        {
            Once();
        }

        Wait();
        TestContext.Out.WriteLine($"{name}: {Stopwatch.GetElapsedTime(started).TotalMilliseconds / Times:F2} ms");

        void Once()
        {
            using var scope = NewDisposeScope();
            run();
        }

        static void Wait()
        {
            if (cuda_is_available())
            {
                cuda.synchronize();
            }
        }
    }

    private sealed class RandomLayer(ModelConfiguration configuration) : IQuantizedLayer
    {
        public IEnumerable<Sensitivity> Sensitivities => [];

        public DeviceCodes CodesOn(string linear, torch.Device device)
        {
            var layout = ModelFamily.Of(configuration).Linears(configuration).First(found => found.Name == linear);
            var codes = DeviceCodes.Empty(layout.OutputSize, layout.InputSize, 128, device);
            codes.Codes.random_(0, 15);
            codes.Scales.fill_(0.005);
            codes.Zeros.fill_(7);
            return codes;
        }

        public Half[]? Vector(string name, int length) => [.. Enumerable.Repeat((Half)1, length)];

        public double WeightErrorOf(string linear) => 0;

        public void Pack(string linear, PackedLinear packed, ParallelOptions options) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
