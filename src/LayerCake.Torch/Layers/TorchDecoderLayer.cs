using LayerCake.Kernels;
using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>
/// A Llama or InternLM decoder layer in plain libtorch operations, as the Transformers modelling code (4.33 to 4.35, eager attention) computes it. On a GPU in native float16.
/// On the CPU in float32 tensors whose values are rounded to float16 after every operation: slow, and what the fast kernels are tested against.
/// </summary>
internal sealed class TorchDecoderLayer : IDisposable
{
    /// <summary>Scores computed at once: bounds the memory of attention whatever the sequence length.</summary>
    private const long MostScores = 1L << 28;

    private readonly ModelConfiguration _configuration;
    private readonly LayerWeights _weights;
    private readonly Dictionary<string, Tensor> _converted = new(StringComparer.Ordinal);
    private readonly bool _native;

    /// <param name="weights">Tensors on the device to compute on; the layer owns them from here on.</param>
    public TorchDecoderLayer(LayerWeights weights, ModelConfiguration configuration)
    {
        _configuration = configuration;
        _weights = weights;
        _native = weights["input_layernorm.weight"].device_type == DeviceType.CUDA;
    }

    /// <summary>Takes one sample through the layer.</summary>
    /// <param name="hidden">[tokens, hidden], float16; not changed.</param>
    /// <param name="cosines">[tokens, head dimension], both halves, rounded to float16, on the device; likewise <paramref name="sines"/>.</param>
    /// <returns>[tokens, hidden], float16; the caller's scope owns it.</returns>
    public Tensor Run(Tensor hidden, Tensor cosines, Tensor sines, ITensorObserver observer)
    {
        using var scope = NewDisposeScope();
        var x = _native ? hidden : hidden.to(ScalarType.Float32);
        var normed = Observe(Activation.InputNorm, Norm(x, "input_layernorm", observer));
        var q = Observe(Activation.Query, Linear(normed, "self_attn.q_proj"));
        var k = Observe(Activation.Key, Linear(normed, "self_attn.k_proj"));
        var v = Observe(Activation.Value, Linear(normed, "self_attn.v_proj"));
        var rotatedQuery = Rotate(Heads(q, _configuration.HeadCount), cosines, sines);
        var rotatedKey = Rotate(Heads(k, _configuration.KeyValueHeadCount), cosines, sines);
        Observe(Activation.RotatedKey, rotatedKey.transpose(0, 1).reshape(k.shape));

        var attention = Observe(Activation.Attention, Attend(rotatedQuery, rotatedKey, Heads(v, _configuration.KeyValueHeadCount)));
        var attended = Observe(Activation.AttentionOutput, Linear(attention, "self_attn.o_proj"));
        x = Round(x + attended);

        normed = Observe(Activation.PostAttentionNorm, Norm(x, "post_attention_layernorm", observer));
        var gate = Observe(Activation.Gate, Linear(normed, "mlp.gate_proj"));
        var up = Observe(Activation.Up, Linear(normed, "mlp.up_proj"));
        var gated = Observe(Activation.GatedUp, Round(Round(nn.functional.silu(gate)) * up));
        var down = Observe(Activation.Down, Linear(gated, "mlp.down_proj"));
        return Round(x + down).to(ScalarType.Float16).MoveToOuterDisposeScope();

        Tensor Observe(Activation activation, Tensor values)
        {
            observer.Observe(activation, values);
            return values;
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _converted.Values)
        {
            tensor.Dispose();
        }

        _weights.Dispose();
    }

    /// <summary>RMSNorm of any norm weight, as <see cref="Run"/> uses it; also the final norm.</summary>
    public static Tensor Norm(Tensor x, Tensor weight, double epsilon)
    {
        using var scope = NewDisposeScope();
        var native = x.dtype == ScalarType.Float16;
        var wide = x.to(ScalarType.Float32);
        var variance = wide.square().mean([-1L], keepdim: true);
        var normed = (wide * torch.rsqrt(variance + epsilon)).to(ScalarType.Float16);
        var result = native ? weight * normed : (weight.to(ScalarType.Float32) * normed.to(ScalarType.Float32)).to(ScalarType.Float16).to(ScalarType.Float32);
        return result.MoveToOuterDisposeScope();
    }

    private Tensor Norm(Tensor x, string name, ITensorObserver observer) => Norm(x, _weights[$"{name}.weight"], _configuration.RmsNormEpsilon);

    private Tensor Linear(Tensor x, string name)
    {
        var weight = Operand($"{name}.weight");
        return Round(_weights.Find($"{name}.bias") is null
            ? nn.functional.linear(x, weight)
            : nn.functional.linear(x, weight, Operand($"{name}.bias")));
    }

    private Tensor Operand(string name)
    {
        if (_native)
        {
            return _weights[name];
        }

        if (!_converted.TryGetValue(name, out var converted))
        {
            converted = _weights[name].to(ScalarType.Float32).DetachFromDisposeScope();
            _converted.Add(name, converted);
        }

        return converted;
    }

    /// <summary>[tokens, heads · d] to [heads, tokens, d].</summary>
    private Tensor Heads(Tensor x, int heads) => x.view(x.shape[0], heads, _configuration.HeadDimension).transpose(0, 1);

    private Tensor Rotate(Tensor x, Tensor cosines, Tensor sines)
    {
        var half = _configuration.HeadDimension / 2;
        var rotated = cat([x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)], -1);
        return Round(Round(x * cosines.to(x.dtype)) + Round(rotated * sines.to(x.dtype)));
    }

    private Tensor Attend(Tensor q, Tensor k, Tensor v)
    {
        var tokens = q.shape[1];
        var group = _configuration.HeadCount / _configuration.KeyValueHeadCount;
        if (group > 1)
        {
            k = k.repeat_interleave(group, 0);
            v = v.repeat_interleave(group, 0);
        }

        var transposed = k.transpose(1, 2).contiguous();
        var block = Math.Max(1, Math.Min(tokens, MostScores / (_configuration.HeadCount * tokens)));
        var parts = new List<Tensor>();
        for (long first = 0; first < tokens; first += block)
        {
            var rows = Math.Min(block, tokens - first);
            parts.Add(AttendRows(q.narrow(1, first, rows), transposed, v, first));
        }

        var joined = parts.Count == 1 ? parts[0] : cat(parts, 1);
        return joined.transpose(0, 1).reshape(tokens, _configuration.HiddenSize);
    }

    private Tensor AttendRows(Tensor q, Tensor k, Tensor v, long first)
    {
        using var scope = NewDisposeScope();
        var scores = Round(Round(matmul(q, k)).div_(Math.Sqrt(_configuration.HeadDimension)));

        // The eager code adds −65504 to what is masked; its weight is exactly 0 either way.
        var hidden = ones([q.shape[1], k.shape[2]], ScalarType.Bool, device: q.device).triu(first + 1);
        scores.masked_fill_(hidden, double.NegativeInfinity);

        // In float32 whatever the input: CUDA's float16 softmax differs from a float32 one only in rounding its result itself.
        var weights = Round(nn.functional.softmax(scores, -1));
        return Round(matmul(weights, v)).MoveToOuterDisposeScope();
    }

    private Tensor Round(Tensor x) => _native ? x : x.to(ScalarType.Float16).to(ScalarType.Float32);
}
