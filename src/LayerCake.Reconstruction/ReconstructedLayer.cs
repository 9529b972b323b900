using LayerCake.Quantization;
using LayerCake.Quantization.Int4;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>A layer that was quantized. Owns both.</summary>
/// <param name="Layer">The layer as the engine would compute it: norms, biases, and what the codes stand for.</param>
/// <param name="Linears">Its linears by their names inside the layer.</param>
internal sealed record ReconstructedLayer(StagedLayer Layer, IReadOnlyDictionary<string, SolvedLinear> Linears) : IQuantizedLayer
{
    public IEnumerable<Sensitivity> Sensitivities => Linears.Values.SelectMany(linear => linear.Sensitivities);

    public double WeightErrorOf(string linear) => Linears[linear].WeightError;

    public unsafe Half[]? Vector(string name, int length)
    {
        if (Layer.Vector(name) is not { } values)
        {
            return null;
        }

        var halves = new Half[length];
        for (var i = 0; i < length; i++)
        {
            halves[i] = (Half)values.Pointer[i];
        }

        return halves;
    }

    public DeviceCodes CodesOn(string linear, Device device) => DeviceCodes.Of(Linears[linear].Codes, device);

    /// <summary>The layer with what was learned in place of what it had.</summary>
    /// <param name="original">The float layer.</param>
    public ReconstructedLayer With(LearnedValues learned, StagedLayer original, int threads)
    {
        using var scope = NewDisposeScope();
        var linears = new Dictionary<string, SolvedLinear>(StringComparer.Ordinal);
        foreach (var (name, linear) in Linears)
        {
            var (codes, scales) = learned.Linears[name];
            linears.Add(name, linear.With(codes.cpu().data<byte>().ToArray(), scales.cpu().data<float>().ToArray(), original.Weight(name)));
            Layer.Replace(name, linear.Codes.Dequantize(threads));
        }

        foreach (var (name, values) in learned.Vectors)
        {
            values.to(ScalarType.Float32).cpu().data<float>().ToArray().CopyTo(Layer.VectorSpan(name));
        }

        return this with { Linears = linears };
    }

    public void Pack(string linear, PackedLinear packed, ParallelOptions options) => Int4Packing.Pack(Linears[linear].Codes, packed, options);

    public void Dispose()
    {
        Layer.Dispose();
        foreach (var linear in Linears.Values)
        {
            linear.Codes.Dispose();
        }
    }
}
