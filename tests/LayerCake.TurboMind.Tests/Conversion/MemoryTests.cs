using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.TurboMind.Tests;

/// <summary>A layer of a seven-billion model and its embeddings: what is held at a time must not follow the size of the checkpoint.</summary>
[TestFixture]
[Category("Slow")]
public sealed class MemoryTests
{
    [TestCase(true, 80)]
    [TestCase(false, 300)]
    public void A_conversion_holds_what_its_plan_promised_and_not_the_model(bool isInt4, long limitMegabytes)
    {
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(
            new ConversionSource("config.json", Configuration(), new EndlessTensors(isInt4)),
            new ConversionOptions
            {
                ModelName = "llama2",
                ModelFormat = isInt4 ? "awq" : "hf",
                GroupSize = isInt4 ? 128 : 0,
                SpecialTokens = new SpecialTokenIds(1, 2),
                Workers = 2,
            });
        NativeBuffer.ResetPeak();
        var managed = GC.GetTotalAllocatedBytes(precise: true);

        plan.WriteWeights(folder.Path);

        managed = GC.GetTotalAllocatedBytes(precise: true) - managed;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(NativeBuffer.PeakHeldBytes, Is.GreaterThan(0).And.LessThanOrEqualTo(plan.PeakBufferBytes));
            Assert.That(plan.PeakBufferBytes, Is.LessThan(limitMegabytes << 20));
            Assert.That(managed, Is.LessThan(8 << 20));
            Assert.That(WorkspaceListing.Read(folder.Path).Faults, Is.Empty);
        }
    }

    private static JsonElement Configuration() => JsonSerializer.SerializeToElement(new Dictionary<string, object>
    {
        ["hidden_size"] = 4096,
        ["intermediate_size"] = 11008,
        ["num_attention_heads"] = 32,
        ["num_hidden_layers"] = 1,
        ["vocab_size"] = 32000,
        ["rms_norm_eps"] = 1e-6,
        ["torch_dtype"] = "float16",
    });

    /// <summary>Tensors that exist only as headers; reading gives a pattern.</summary>
    private sealed class EndlessTensors : ITensorSource
    {
        private readonly Dictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);

        public EndlessTensors(bool isInt4)
        {
            Add("model.embed_tokens.weight", DType.F32, 32000, 4096);
            Add("lm_head.weight", DType.F16, 32000, 4096);
            Add("model.norm.weight", DType.F16, 4096);
            Add("model.layers.0.input_layernorm.weight", DType.F16, 4096);
            Add("model.layers.0.post_attention_layernorm.weight", DType.F16, 4096);
            foreach (var name in new[] { "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj" })
            {
                long inputs = name == "mlp.down_proj" ? 11008 : 4096, outputs = name is "mlp.gate_proj" or "mlp.up_proj" ? 11008 : 4096;
                var path = "model.layers.0." + name;
                if (isInt4)
                {
                    Add(path + ".qweight", DType.I32, inputs, outputs / 8);
                    Add(path + ".qzeros", DType.I32, inputs / 128, outputs / 8);
                    Add(path + ".scales", DType.F32, inputs / 128, outputs);
                }
                else
                {
                    Add(path + ".weight", DType.BF16, outputs, inputs);
                }
            }
        }

        public string Path => "endless";

        public IReadOnlyList<TensorInfo> Tensors => [.. _tensors.Values];

        public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor) => _tensors.TryGetValue(name, out tensor);

        public void Read(string name, long byteOffset, Span<byte> destination) => destination.Fill(0x3C);

        public void Dispose()
        {
        }

        private void Add(string name, DType type, params ReadOnlySpan<long> shape)
        {
            var bytes = type is DType.F32 or DType.I32 ? 4L : 2L;
            foreach (var dimension in shape)
            {
                bytes *= dimension;
            }

            _tensors[name] = new TensorInfo(name, type, [.. shape], bytes);
        }
    }
}
