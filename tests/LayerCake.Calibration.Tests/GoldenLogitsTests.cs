using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Testing;
using LayerCake.Torch;
using LayerCake.Torch.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration.Tests;

/// <summary>The whole forward pass: final hidden states through the head, against the float16 model on a GPU.</summary>
internal sealed unsafe class GoldenLogitsTests
{
    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void Logits_agree_with_the_GPU_run(string name)
    {
        using var model = new GoldenModel(name);
        using var file = SafetensorsFile.Open(RepositoryFiles.Golden(name, "logits_fp16_first2.safetensors"));
        var golden = MemoryMarshal.Cast<byte, float>(file.ReadAll(file.Tensors.Single().Name)).ToArray();

        var logits = Logits(model, 2);

        // A float16 logit of magnitude 4 has steps of 2^-8; accumulated roundings may move a few of them.
        var largest = golden.Max(MathF.Abs);
        var difference = golden.Zip(logits).Max(pair => MathF.Abs(pair.First - pair.Second));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(logits, Has.Length.EqualTo(golden.Length));
            Assert.That(difference / largest, Is.LessThan(4e-3));
        }
    }

    private static float[] Logits(GoldenModel model, int samples)
    {
        LibTorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        var configuration = model.Configuration;
        var tokens = model.Samples[0].Length;
        var rotary = RotaryAngles.Table(configuration, tokens);
        var hidden = EmbeddingRows.Load(model.Weights, configuration, model.Samples[..samples], CPU);
        var norm = TensorLoading.Load(model.Weights, "model.norm.weight", ScalarType.Float16);
        var head = TensorLoading.Load(model.Weights, "lm_head.weight", ScalarType.Float16).to(ScalarType.Float32);
        var logits = new List<float>();
        for (var sample = 0; sample < samples; sample++)
        {
            using var memory = new CpuLayerWorkspace(configuration, tokens);
            var states = (Half*)TensorLoading.NativeMemoryOf(hidden) + ((nint)sample * tokens * configuration.HiddenSize);
            Float16Lanes.Load(states, memory.Hidden, tokens * memory.HiddenStride);
            for (var layer = 0; layer < configuration.LayerCount; layer++)
            {
                using var weights = CpuDecoderLayer.Load(model.Weights, configuration, layer);
                weights.Run(memory, rotary, new NoObserver());
            }

            var last = tensor(new ReadOnlySpan<float>(memory.Hidden, tokens * configuration.HiddenSize).ToArray()).view(tokens, -1);
            var result = matmul(new PlainOperations(native: false).Norm(last, norm, configuration.RmsNormEpsilon), head.t()).to(ScalarType.Float16).to(ScalarType.Float32);
            logits.AddRange(result.contiguous().data<float>().ToArray());
        }

        return [.. logits];
    }

    private sealed class NoObserver : IRowObserver
    {
        public void Observe(Activation activation, float* values, int rows, nint stride, int channels)
        {
        }
    }
}
