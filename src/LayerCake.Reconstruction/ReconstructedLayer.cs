using LayerCake.Quantization;
using LayerCake.Quantization.Int4;

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
