using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Smoothing;
using LayerCake.Quantization.Weights;

namespace LayerCake.Quantization.Awq;

/// <summary>One block of one layer in memory, as float16, by names inside the layer.</summary>
internal sealed class LoadedBlock : IDisposable
{
    private readonly Dictionary<string, HalfMatrix> _norms = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SmoothedLinear> _linears = new(StringComparer.Ordinal);

    private LoadedBlock(int layer, LayerBlock block) => (Layer, Block) = (layer, block);

    public int Layer { get; }

    public LayerBlock Block { get; }

    public static LoadedBlock Load(
        ITensorSource weights, ModelFamily family, int layer, LayerBlock block, ModelConfiguration configuration, BufferPool pool, CancellationToken cancellation)
    {
        var loaded = new LoadedBlock(layer, block);
        try
        {
            foreach (var norm in block.Norms)
            {
                loaded._norms.Add(norm, Read($"{family.Module(layer, norm)}.weight", 1, configuration.HiddenSize));
            }

            foreach (var linear in block.Linears)
            {
                var name = family.Module(layer, linear.Name);
                var weight = Read($"{name}.weight", linear.OutputSize, linear.InputSize);
                loaded._linears.Add(linear.Name, new SmoothedLinear(weight, Bias: null));
                if (linear.HasBias)
                {
                    loaded._linears[linear.Name] = new SmoothedLinear(weight, Read($"{name}.bias", 1, linear.OutputSize));
                }
            }

            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }

        HalfMatrix Read(string name, int rows, int columns) => WeightReader.Load(weights, name, rows, columns, pool, cancellation);
    }

    public HalfMatrix Norm(string name) => _norms[name];

    public SmoothedLinear Linear(string name) => _linears[name];

    public void Dispose()
    {
        foreach (var norm in _norms.Values)
        {
            norm.Dispose();
        }

        foreach (var linear in _linears.Values)
        {
            linear.Weight.Dispose();
            linear.Bias?.Dispose();
        }
    }
}
