using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>
/// Causal attention of which autograd knows. On a GPU with all its scores, as long as those of a sample fit into 2²⁸: in one order of sums always, which the gradients of fused
/// attention have not, and as fast.
/// </summary>
internal sealed class LearnedAttention : IDisposable
{
    private const long MostScores = 1L << 28;

    private readonly ModelConfiguration _configuration;
    private readonly Tensor? _mask;

    public LearnedAttention(ModelConfiguration configuration, int tokens, Device device)
        : this(configuration, tokens, device, fused: device.type != DeviceType.CUDA || ScoresOf(configuration, tokens) == 0)
    {
    }

    /// <param name="fused">Whether scores are never held.</param>
    internal LearnedAttention(ModelConfiguration configuration, int tokens, Device device, bool fused)
    {
        using var scope = NewDisposeScope();
        _configuration = configuration;
        _mask = fused ? null : full([tokens, tokens], float.NegativeInfinity, ScalarType.Float32, device).triu(1).DetachFromDisposeScope();
    }

    /// <summary>Scores of a sample that are held on a GPU; 0 where there are too many.</summary>
    public static long ScoresOf(ModelConfiguration configuration, int tokens)
    {
        var scores = (long)configuration.HeadCount * tokens * tokens;
        return scores > MostScores ? 0 : scores;
    }

    /// <summary>What heads attend to; the caller's scope owns it.</summary>
    /// <param name="query">[samples, heads, tokens, d], float32.</param>
    /// <param name="key">[samples, KV heads, tokens, d]; likewise <paramref name="value"/>.</param>
    /// <returns>[samples, heads, tokens, d].</returns>
    public Tensor Run(Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        long shared = _configuration.HeadCount / _configuration.KeyValueHeadCount;
        if (_mask is null)
        {
            return nn.functional.scaled_dot_product_attention(query, Repeat(key), Repeat(value), is_casual: true).MoveToOuterDisposeScope();
        }

        // The heads that share a KV head beside each other, as rows of one product.
        var (samples, tokens, dimension) = (query.shape[0], query.shape[2], query.shape[3]);
        var rows = (query * (1 / Math.Sqrt(dimension))).reshape(samples, key.shape[1], shared * tokens, dimension);
        var scores = rows.matmul(key.transpose(2, 3)).view(samples, key.shape[1], shared, tokens, tokens).add_(_mask);
        var weights = scores.softmax(-1).view(samples, key.shape[1], shared * tokens, tokens);
        return weights.matmul(value).view(query.shape).MoveToOuterDisposeScope();

        Tensor Repeat(Tensor heads) => shared > 1 ? heads.repeat_interleave(shared, 1) : heads;
    }

    public void Dispose() => _mask?.Dispose();
}
