using LayerCake.Quantization;
using LayerCake.Quantization.Int4;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>A layer that was quantized on a device. Owns both.</summary>
/// <param name="Layer">The layer as the engine would compute it: norms, biases, and what the codes stand for.</param>
/// <param name="Linears">Its linears by their names inside the layer, in the order in which they were quantized.</param>
internal sealed record DeviceReconstructedLayer(DeviceLayer Layer, IReadOnlyDictionary<string, DeviceLinear> Linears) : IQuantizedLayer
{
    public IEnumerable<Sensitivity> Sensitivities => Linears.Values.SelectMany(linear => linear.Sensitivities);

    public double WeightErrorOf(string linear) => Linears[linear].WeightError;

    public Half[]? Vector(string name, int length) =>
        Layer.Vector(name) is { } values ? Array.ConvertAll(values, value => (Half)value) : null;

    public DeviceCodes CodesOn(string linear, Device device) => Linears[linear].Codes.Copy();

    /// <summary>The layer with what was learned in place of what it had.</summary>
    /// <param name="original">The float layer.</param>
    public DeviceReconstructedLayer With(LearnedValues learned, DeviceLayer original)
    {
        var linears = new Dictionary<string, DeviceLinear>(StringComparer.Ordinal);
        foreach (var (name, linear) in Linears)
        {
            using var scope = NewDisposeScope();
            var (codes, scales) = learned.Linears[name];
            linears.Add(name, linear.With(codes, scales, original.Weight(name)));
            Layer.Replace($"{name}.weight", linear.Codes.Dequantize());
        }

        foreach (var (name, values) in learned.Vectors)
        {
            Layer.Replace(name, values.clone());
        }

        return this with { Linears = linears };
    }

    public void Pack(string linear, PackedLinear packed, ParallelOptions options) => Linears[linear].Codes.Pack(packed);

    public void Dispose()
    {
        Layer.Dispose();
        foreach (var linear in Linears.Values)
        {
            linear.Codes.Dispose();
        }
    }
}
