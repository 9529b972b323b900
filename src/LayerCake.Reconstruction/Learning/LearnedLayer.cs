using LayerCake.Models;
using LayerCake.Torch.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>A decoder layer in float32, wherever tensors are, whose codes, scales, norms and biases are learned.</summary>
internal sealed class LearnedLayer : IDisposable
{
    private readonly ModelConfiguration _configuration;
    private readonly Dictionary<string, LearnedLinear> _linears = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Parameter> _vectors = new(StringComparer.Ordinal);
    private readonly RotaryTensors _rotary;
    private readonly LearnedAttention _attention;

    /// <param name="layer">Copied.</param>
    /// <param name="distance">How far from their codes linears start at most, towards their float weights; 0 for the codes themselves.</param>
    /// <param name="rotary">Stays the caller's, as does <paramref name="attention"/>.</param>
    public LearnedLayer(SpanLayer layer, double distance, ModelConfiguration configuration, RotaryTensors rotary, LearnedAttention attention, Device device)
    {
        (_configuration, _rotary, _attention) = (configuration, rotary, attention);
        var family = ModelFamily.Of(configuration);
        foreach (var linear in family.Linears(configuration))
        {
            using var scope = NewDisposeScope();
            using var codes = layer.Found.CodesOn(linear.Name, device);
            _linears.Add(linear.Name, new LearnedLinear(codes, distance > 0 ? layer.Weight(linear.Name) : null, distance));
            if (linear.HasBias)
            {
                AddVector($"{linear.Name}.bias", linear.OutputSize);
            }
        }

        foreach (var norm in family.LayerNorms)
        {
            AddVector($"{norm}.weight", configuration.HiddenSize);
        }

        void AddVector(string name, int length)
        {
            using var scope = NewDisposeScope();
            var values = Array.ConvertAll(layer.Found.Vector(name, length)!, value => (float)value);
            _vectors.Add(name, Learn(tensor(values, ScalarType.Float32).to(device)));
        }
    }

    public IEnumerable<Parameter> Codes => _linears.Values.Select(linear => linear.Codes);

    public IEnumerable<Parameter> Scales => _linears.Values.Select(linear => linear.LogScales);

    public IEnumerable<Parameter> Vectors => _vectors.Values;

    /// <summary>A tensor that is learned, independent of <paramref name="values"/>.</summary>
    public static Parameter Learn(Tensor values)
    {
        var parameter = new Parameter(values.detach().clone(), requires_grad: true);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>Takes samples through the layer.</summary>
    /// <param name="hidden">[samples, tokens, hidden], float32.</param>
    public Tensor Run(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var norms = ModelFamily.Of(_configuration).LayerNorms;
        var normed = RmsNorm(hidden, _vectors[$"{norms[0]}.weight"], _configuration.RmsNormEpsilon);
        var q = _rotary.Apply(Heads(Linear(normed, PartNames.Query), _configuration.HeadCount));
        var k = _rotary.Apply(Heads(Linear(normed, PartNames.Key), _configuration.KeyValueHeadCount));
        var v = Heads(Linear(normed, PartNames.Value), _configuration.KeyValueHeadCount);
        var attention = _attention.Run(q, k, v).transpose(1, 2).reshape(hidden.shape[0], hidden.shape[1], -1);
        hidden = hidden + Linear(attention, PartNames.Output);
        normed = RmsNorm(hidden, _vectors[$"{norms[1]}.weight"], _configuration.RmsNormEpsilon);
        var gated = nn.functional.silu(Linear(normed, PartNames.Gate)) * Linear(normed, PartNames.Up);
        return (hidden + Linear(gated, PartNames.Down)).MoveToOuterDisposeScope();
    }

    /// <summary>x / √(mean x² + ε) · w over the last dimension.</summary>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double epsilon) => x * rsqrt(x.square().mean([-1L], keepdim: true) + epsilon) * weight;

    /// <summary>A copy of all that is learned, as it would be stored now; the caller's.</summary>
    public LearnedValues Snapshot() => new(
        _linears.ToDictionary(linear => linear.Key, linear => linear.Value.Snapshot(), StringComparer.Ordinal),
        _vectors.ToDictionary(vector => vector.Key, vector => Stored(vector.Value), StringComparer.Ordinal));

    public void Dispose()
    {
        foreach (var linear in _linears.Values)
        {
            linear.Dispose();
        }

        foreach (var vector in _vectors.Values)
        {
            vector.Dispose();
        }
    }

    private static Tensor Stored(Parameter vector)
    {
        using var scope = NewDisposeScope();
        return vector.detach().to(ScalarType.Float16).DetachFromDisposeScope();
    }

    private Tensor Linear(Tensor x, string name) => _vectors.TryGetValue($"{name}.bias", out var bias)
        ? nn.functional.linear(x, _linears[name].Value(), bias)
        : nn.functional.linear(x, _linears[name].Value());

    /// <summary>[samples, tokens, heads · d] to [samples, heads, tokens, d].</summary>
    private Tensor Heads(Tensor x, int heads) => x.view(x.shape[0], x.shape[1], heads, _configuration.HeadDimension).transpose(1, 2);
}
