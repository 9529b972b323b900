using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Models;

namespace LayerCake.Torch.Layers;

/// <summary>
/// A Llama or InternLM decoder layer on the CPU, computed as a float16 GPU computes it: float16 operands, float32 sums, and a rounding to float16
/// wherever the modelling code makes a tensor. Gives the same bits on every machine, for any number of threads. Safe for concurrent use with a
/// <see cref="CpuLayerWorkspace"/> per thread.
/// </summary>
internal sealed unsafe class CpuDecoderLayer : IDisposable
{
    private readonly ModelConfiguration _configuration;
    private readonly Dictionary<string, FloatBuffer> _vectors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PackedMatrix> _weights = new(StringComparer.Ordinal);

    private CpuDecoderLayer(ModelConfiguration configuration) => _configuration = configuration;

    /// <summary>Reads a layer, tensor by tensor, into the form the kernels work on.</summary>
    /// <exception cref="CheckpointException">A tensor is absent or cannot be read.</exception>
    /// <exception cref="ModelException">A weight is not finite in float16, or has another shape than the configuration says.</exception>
    public static CpuDecoderLayer Load(ITensorSource source, ModelConfiguration configuration, int layer)
    {
        var loaded = new CpuDecoderLayer(configuration);
        var family = ModelFamily.Of(configuration);
        try
        {
            foreach (var linear in family.Linears(configuration))
            {
                using (var weight = Read($"{linear.Name}.weight", linear.OutputSize, linear.InputSize))
                {
                    loaded._weights.Add(linear.Name, new PackedMatrix((Half*)weight.Pointer, linear.OutputSize, linear.InputSize));
                }

                if (linear.HasBias)
                {
                    AddVector($"{linear.Name}.bias", linear.OutputSize);
                }
            }

            foreach (var norm in family.LayerNorms)
            {
                AddVector($"{norm}.weight", configuration.HiddenSize);
            }

            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }

        NativeBuffer Read(string name, params ReadOnlySpan<long> shape) => HalfTensors.Load(source, family.Module(layer, name), shape);

        void AddVector(string name, int length)
        {
            using var vector = Read(name, length);
            loaded._vectors.Add(name, FloatBuffer.From((Half*)vector.Pointer, length, PanelProduct.Stride(length)));
        }
    }

    /// <summary>Takes one sample's hidden states in <see cref="CpuLayerWorkspace.Hidden"/> through the layer, in place.</summary>
    public void Run(CpuLayerWorkspace memory, RotaryTable rotary, IRowObserver observer)
    {
        var rows = memory.Rows;
        var hidden = memory.Hidden;
        var normed = memory.Normed;
        var queries = memory.Queries;
        var keys = memory.Keys;
        var values = memory.Values;
        var (hiddenStride, keyValueStride, innerStride) = (memory.HiddenStride, memory.KeyValueStride, memory.InnerStride);
        var (hiddenSize, keyValueSize, innerSize) = (_configuration.HiddenSize, _configuration.KeyValueSize, _configuration.IntermediateSize);
        var epsilon = (float)_configuration.RmsNormEpsilon;

        Elementwise.RmsNorm(hidden, normed, rows, hiddenStride, hiddenSize, _vectors["input_layernorm.weight"].Pointer, epsilon);
        observer.Observe(Activation.InputNorm, normed, rows, hiddenStride, hiddenSize);

        Linear("self_attn.q_proj", normed, hiddenStride, queries, hiddenStride);
        observer.Observe(Activation.Query, queries, rows, hiddenStride, hiddenSize);
        Linear("self_attn.k_proj", normed, hiddenStride, keys, keyValueStride);
        observer.Observe(Activation.Key, keys, rows, keyValueStride, keyValueSize);
        Linear("self_attn.v_proj", normed, hiddenStride, values, keyValueStride);
        observer.Observe(Activation.Value, values, rows, keyValueStride, keyValueSize);

        rotary.Apply(queries, rows, hiddenStride, _configuration.HeadCount);
        rotary.Apply(keys, rows, keyValueStride, _configuration.KeyValueHeadCount);
        observer.Observe(Activation.RotatedKey, keys, rows, keyValueStride, keyValueSize);

        memory.Attention.Run(queries, hiddenStride, _configuration.HeadCount, keys, values, keyValueStride, _configuration.KeyValueHeadCount);
        observer.Observe(Activation.Attention, queries, rows, hiddenStride, hiddenSize);
        Linear("self_attn.o_proj", queries, hiddenStride, normed, hiddenStride);
        observer.Observe(Activation.AttentionOutput, normed, rows, hiddenStride, hiddenSize);
        Elementwise.Add(hidden, normed, rows * hiddenStride);

        Elementwise.RmsNorm(hidden, normed, rows, hiddenStride, hiddenSize, _vectors["post_attention_layernorm.weight"].Pointer, epsilon);
        observer.Observe(Activation.PostAttentionNorm, normed, rows, hiddenStride, hiddenSize);
        Linear("mlp.gate_proj", normed, hiddenStride, memory.Gate, innerStride);
        observer.Observe(Activation.Gate, memory.Gate, rows, innerStride, innerSize);
        Linear("mlp.up_proj", normed, hiddenStride, memory.Up, innerStride);
        observer.Observe(Activation.Up, memory.Up, rows, innerStride, innerSize);
        Elementwise.SwiGlu(memory.Gate, memory.Up, rows * innerStride);
        observer.Observe(Activation.GatedUp, memory.Gate, rows, innerStride, innerSize);
        Linear("mlp.down_proj", memory.Gate, innerStride, normed, hiddenStride);
        observer.Observe(Activation.Down, normed, rows, hiddenStride, hiddenSize);
        Elementwise.Add(hidden, normed, rows * hiddenStride);

        void Linear(string name, float* input, nint inputStride, float* output, nint outputStride)
        {
            var bias = _vectors.GetValueOrDefault($"{name}.bias");
            _weights[name].Multiply(input, inputStride, rows, output, outputStride, bias is null ? null : bias.Pointer, memory.Scratch);
        }
    }

    public void Dispose()
    {
        foreach (var weight in _weights.Values)
        {
            weight.Dispose();
        }

        foreach (var vector in _vectors.Values)
        {
            vector.Dispose();
        }
    }
}
