using LayerCake.Quantization;
using LayerCake.Quantization.Int4;

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
