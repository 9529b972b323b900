using LayerCake.Models;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>A Llama or InternLM decoder layer in libtorch, several samples at a time.</summary>
internal sealed class TorchDecoderLayer : IDisposable
{
    private readonly ModelConfiguration _configuration;
    private readonly LayerWeights _weights;
    private readonly ILayerOperations _operations;

    /// <param name="weights">Tensors on the device to compute on; the layer owns them from here on.</param>
    public TorchDecoderLayer(LayerWeights weights, ModelConfiguration configuration, ILayerOperations operations)
    {
        _configuration = configuration;
        _weights = weights;
        _operations = operations;
    }

    /// <summary>Takes samples through the layer.</summary>
    /// <param name="hidden">[samples, tokens, hidden], float16; not changed.</param>
    /// <param name="cosines">[tokens, head dimension], both halves, rounded to float16, on the device; likewise <paramref name="sines"/>.</param>
    /// <returns>[samples, tokens, hidden], float16; the caller's scope owns it.</returns>
    public Tensor Run(Tensor hidden, Tensor cosines, Tensor sines, ITensorObserver observer)
    {
        using var scope = NewDisposeScope();
        var x = _operations.Enter(hidden);
        using (var attended = Attention(x, cosines, sines, observer))
        {
            x = _operations.Add(x, attended);
        }

        using (var down = Mlp(x, observer))
        {
            x = _operations.Add(x, down);
        }

        return x.to(ScalarType.Float16).MoveToOuterDisposeScope();
    }

    public void Dispose() => _weights.Dispose();

    private Tensor Attention(Tensor x, Tensor cosines, Tensor sines, ITensorObserver observer)
    {
        using var scope = NewDisposeScope();
        var normed = Norm(x, "input_layernorm");
        observer.Observe(Activation.InputNorm, normed);
        var query = Linear(normed, "self_attn.q_proj");
        observer.Observe(Activation.Query, query);
        var key = Linear(normed, "self_attn.k_proj");
        observer.Observe(Activation.Key, key);
        var value = Linear(normed, "self_attn.v_proj");
        observer.Observe(Activation.Value, value);
        query = _operations.Rotate(query, cosines, sines, _configuration.HeadCount);
        key = _operations.Rotate(key, cosines, sines, _configuration.KeyValueHeadCount);
        observer.Observe(Activation.RotatedKey, key);

        var attention = _operations.Attend(query, key, value, _configuration);
        observer.Observe(Activation.Attention, attention);
        var attended = Linear(attention, "self_attn.o_proj");
        observer.Observe(Activation.AttentionOutput, attended);
        return attended.MoveToOuterDisposeScope();
    }

    private Tensor Mlp(Tensor x, ITensorObserver observer)
    {
        using var scope = NewDisposeScope();
        var normed = Norm(x, "post_attention_layernorm");
        observer.Observe(Activation.PostAttentionNorm, normed);
        var gate = Linear(normed, "mlp.gate_proj");
        observer.Observe(Activation.Gate, gate);
        var up = Linear(normed, "mlp.up_proj");
        observer.Observe(Activation.Up, up);
        var gated = _operations.GateUp(gate, up);
        observer.Observe(Activation.GatedUp, gated);
        up.Dispose();
        var down = Linear(gated, "mlp.down_proj");
        observer.Observe(Activation.Down, down);
        return down.MoveToOuterDisposeScope();
    }

    private Tensor Norm(Tensor x, string name) => _operations.Norm(x, _weights[$"{name}.weight"], _configuration.RmsNormEpsilon);

    private Tensor Linear(Tensor x, string name) => _operations.Linear(x, _weights[$"{name}.weight"], _weights.Find($"{name}.bias"));
}
