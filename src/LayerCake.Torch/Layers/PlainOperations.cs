using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>
/// The operations one by one in libtorch, attention with all its scores (eager). On a GPU in native float16: what the original runs. On the CPU in float32 tensors
/// whose values are rounded to float16 after every operation: slow, and what the fast ways are tested against.
/// </summary>
/// <param name="native">Whether tensors are float16 and not float32.</param>
internal sealed class PlainOperations(bool native) : ILayerOperations
{
    /// <summary>Scores computed at once: bounds the memory of attention whatever the sequence length.</summary>
    private const long MostScores = 1L << 28;

    public Tensor Enter(Tensor hidden) => native ? hidden : hidden.to(ScalarType.Float32);

    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        return Round(bias is null
            ? nn.functional.linear(x, Enter(weight))
            : nn.functional.linear(x, Enter(weight), Enter(bias))).MoveToOuterDisposeScope();
    }

    public Tensor Norm(Tensor x, Tensor weight, double epsilon)
    {
        using var scope = NewDisposeScope();
        var wide = x.to(ScalarType.Float32);
        var variance = wide.square().mean([-1L], keepdim: true);
        var normed = (wide * rsqrt(variance + epsilon)).to(ScalarType.Float16);
        return Round(Enter(weight) * Enter(normed)).MoveToOuterDisposeScope();
    }

    public Tensor Rotate(Tensor x, Tensor cosines, Tensor sines, int heads)
    {
        using var scope = NewDisposeScope();
        var parted = Heads(x, heads);
        var half = parted.shape[3] / 2;
        var rotated = cat([parted.narrow(-1, half, half).neg(), parted.narrow(-1, 0, half)], -1);
        var turned = Round(Round(parted * Enter(cosines)) + Round(rotated * Enter(sines)));
        return turned.transpose(1, 2).reshape(x.shape).MoveToOuterDisposeScope();
    }

    public Tensor Attend(Tensor query, Tensor key, Tensor value, ModelConfiguration configuration)
    {
        using var scope = NewDisposeScope();
        var (samples, tokens, heads) = (query.shape[0], query.shape[1], configuration.HeadCount);
        var q = Heads(query, heads);
        var k = Repeat(Heads(key, configuration.KeyValueHeadCount), configuration).transpose(2, 3).contiguous();
        var v = Repeat(Heads(value, configuration.KeyValueHeadCount), configuration);
        var block = Math.Clamp(MostScores / (samples * heads * tokens), 1, tokens);
        var parts = new List<Tensor>();
        for (long first = 0; first < tokens; first += block)
        {
            parts.Add(AttendRows(q.narrow(2, first, Math.Min(block, tokens - first)), k, v, first, configuration));
        }

        var joined = parts.Count == 1 ? parts[0] : cat(parts, 2);
        return joined.transpose(1, 2).reshape(query.shape).MoveToOuterDisposeScope();
    }

    public Tensor GateUp(Tensor gate, Tensor up)
    {
        using var scope = NewDisposeScope();
        return Round(Round(nn.functional.silu(gate)) * up).MoveToOuterDisposeScope();
    }

    public Tensor Add(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        return Round(x + y).MoveToOuterDisposeScope();
    }

    /// <summary>[samples, tokens, heads · d] to [samples, heads, tokens, d].</summary>
    internal static Tensor Heads(Tensor x, int heads) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);

    /// <summary>Every KV head as often as queries share it.</summary>
    internal static Tensor Repeat(Tensor heads, ModelConfiguration configuration)
    {
        var group = configuration.HeadCount / configuration.KeyValueHeadCount;
        return group > 1 ? heads.repeat_interleave(group, 1) : heads;
    }

    private Tensor AttendRows(Tensor q, Tensor k, Tensor v, long first, ModelConfiguration configuration)
    {
        using var scope = NewDisposeScope();
        var scores = Round(Round(matmul(q, k)).div_(Math.Sqrt(configuration.HeadDimension)));

        // The eager code adds −65504 to what is masked; its weight is exactly 0 either way.
        var hidden = ones([q.shape[2], k.shape[3]], ScalarType.Bool, device: q.device).triu(first + 1);
        scores.masked_fill_(hidden, double.NegativeInfinity);

        // In float32 whatever the input: CUDA's float16 softmax differs from a float32 one only in rounding its result itself.
        var weights = Round(nn.functional.softmax(scores, -1));
        return Round(matmul(weights, v)).MoveToOuterDisposeScope();
    }

    private Tensor Round(Tensor x) => native ? x : x.to(ScalarType.Float16).to(ScalarType.Float32);
}
