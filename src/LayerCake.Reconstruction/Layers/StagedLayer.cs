using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Weights;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// A decoder layer on the CPU that is run part by part, so that the linears of one part can be replaced before the next part sees what they give. It computes
/// as calibration does: float16 values, float32 sums, a rounding wherever the modelling code makes a tensor.
/// </summary>
internal sealed unsafe class StagedLayer : IDisposable
{
    private readonly ModelConfiguration _configuration;
    private readonly Dictionary<string, WeightPanels> _weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FloatBuffer> _vectors = new(StringComparer.Ordinal);

    private StagedLayer(ModelConfiguration configuration) => _configuration = configuration;

    public static StagedLayer Load(ITensorSource source, ModelConfiguration configuration, int layer, CancellationToken cancellation)
    {
        var family = ModelFamily.Of(configuration);
        var loaded = new StagedLayer(configuration);
        using var pool = new BufferPool();
        try
        {
            foreach (var linear in family.Linears(configuration))
            {
                using (var weight = Read($"{linear.Name}.weight", linear.OutputSize, linear.InputSize))
                {
                    loaded._weights.Add(linear.Name, WeightPanels.From(weight));
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

        HalfMatrix Read(string name, int rows, int columns) => WeightReader.Load(source, family.Module(layer, name), rows, columns, pool, cancellation);

        void AddVector(string name, int length)
        {
            using var values = Read(name, 1, length);
            var vector = new FloatBuffer(PanelProduct.Stride(length));
            for (var i = 0; i < length; i++)
            {
                vector.Pointer[i] = (float)values.Row(0)[i];
            }

            loaded._vectors.Add(name, vector);
        }
    }

    public WeightPanels Weight(string linear) => _weights[linear];

    /// <summary>A norm's weight or a linear's bias; null where the linear has none.</summary>
    public FloatBuffer? Vector(string name) => _vectors.GetValueOrDefault(name);

    /// <summary>The values of a norm's weight or a linear's bias, padding included.</summary>
    public Span<float> VectorSpan(string name) => new(_vectors[name].Pointer, (int)_vectors[name].Count);

    /// <summary>A copy that shares nothing.</summary>
    public StagedLayer Clone()
    {
        var copy = new StagedLayer(_configuration);
        foreach (var (name, weight) in _weights)
        {
            copy._weights.Add(name, weight.Clone());
        }

        foreach (var (name, vector) in _vectors)
        {
            var memory = new FloatBuffer(vector.Count);
            Buffer.MemoryCopy(vector.Pointer, memory.Pointer, vector.Count * sizeof(float), vector.Count * sizeof(float));
            copy._vectors.Add(name, memory);
        }

        return copy;
    }

    public void Replace(string linear, WeightPanels weight)
    {
        _weights[linear].Dispose();
        _weights[linear] = weight;
    }

    /// <summary>Hidden → hidden, the whole layer.</summary>
    public void Run(SampleBuffers memory, RotaryTable rotary)
    {
        var family = ModelFamily.Of(_configuration);
        Norm(family.LayerNorms[0], memory);
        Attend(memory, rotary);
        Output(memory);
        Add(memory);
        Norm(family.LayerNorms[1], memory);
        Gated(memory);
        Down(memory);
        Add(memory);
    }

    /// <summary>Hidden → normed.</summary>
    public void Norm(string norm, SampleBuffers memory) => Elementwise.RmsNorm(
        memory.Hidden, memory.Normed, memory.Tokens, memory.HiddenStride, _configuration.HiddenSize, _vectors[$"{norm}.weight"].Pointer,
        (float)_configuration.RmsNormEpsilon);

    /// <summary>Normed → joined heads.</summary>
    public void Attend(SampleBuffers memory, RotaryTable rotary)
    {
        var rows = memory.Tokens;
        Linear(PartNames.Query, memory.Normed, memory.HiddenStride, rows, memory.Queries, memory.HiddenStride);
        Linear(PartNames.Key, memory.Normed, memory.HiddenStride, rows, memory.Keys, memory.KeyValueStride);
        Linear(PartNames.Value, memory.Normed, memory.HiddenStride, rows, memory.Values, memory.KeyValueStride);
        rotary.Apply(memory.Queries, rows, memory.HiddenStride, _configuration.HeadCount);
        rotary.Apply(memory.Keys, rows, memory.KeyValueStride, _configuration.KeyValueHeadCount);
        memory.Attention.Run(
            memory.Queries, memory.HiddenStride, _configuration.HeadCount, memory.Keys, memory.Values, memory.KeyValueStride, _configuration.KeyValueHeadCount);
    }

    /// <summary>Joined heads → what o gives, in normed.</summary>
    public void Output(SampleBuffers memory) =>
        Linear(PartNames.Output, memory.Queries, memory.HiddenStride, memory.Tokens, memory.Normed, memory.HiddenStride);

    /// <summary>Normed → silu(gate) · up.</summary>
    public void Gated(SampleBuffers memory)
    {
        Linear(PartNames.Gate, memory.Normed, memory.HiddenStride, memory.Tokens, memory.Gate, memory.InnerStride);
        Linear(PartNames.Up, memory.Normed, memory.HiddenStride, memory.Tokens, memory.Up, memory.InnerStride);
        Elementwise.SwiGlu(memory.Gate, memory.Up, memory.Tokens * memory.InnerStride);
    }

    /// <summary>silu(gate) · up → what down gives, in normed.</summary>
    public void Down(SampleBuffers memory) =>
        Linear(PartNames.Down, memory.Gate, memory.InnerStride, memory.Tokens, memory.Normed, memory.HiddenStride);

    /// <summary>Hidden + normed → hidden.</summary>
    public static void Add(SampleBuffers memory) => Elementwise.Add(memory.Hidden, memory.Normed, memory.Tokens * memory.HiddenStride);

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

    private void Linear(string name, float* input, nint inputStride, int rows, float* output, nint outputStride)
    {
        var bias = _vectors.GetValueOrDefault($"{name}.bias");
        _weights[name].Multiply(input, inputStride, rows, output, outputStride, bias is null ? null : bias.Pointer);
    }
}
