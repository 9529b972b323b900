using LayerCake.Models;
using LayerCake.Torch.Cuda;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>The operations on a GPU, each in one pass over memory, and fused attention.</summary>
internal sealed class KernelOperations(LayerKernels kernels) : ILayerOperations
{
    public Tensor Enter(Tensor hidden) => hidden;

    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias) =>
        bias is null ? nn.functional.linear(x, weight) : nn.functional.linear(x, weight, bias);

    public Tensor Norm(Tensor x, Tensor weight, double epsilon)
    {
        var normed = empty_like(x);
        kernels.RmsNorm(x, weight, normed, epsilon);
        return normed;
    }

    public Tensor Rotate(Tensor x, Tensor cosines, Tensor sines, int heads)
    {
        kernels.Rotate(x, cosines, sines, heads);
        return x;
    }

    public Tensor Attend(Tensor query, Tensor key, Tensor value, ModelConfiguration configuration)
    {
        using var scope = NewDisposeScope();
        var q = PlainOperations.Heads(query, configuration.HeadCount);
        var k = PlainOperations.Repeat(PlainOperations.Heads(key, configuration.KeyValueHeadCount), configuration);
        var v = PlainOperations.Repeat(PlainOperations.Heads(value, configuration.KeyValueHeadCount), configuration);
        var attention = nn.functional.scaled_dot_product_attention(q, k, v, is_casual: true);
        return attention.transpose(1, 2).reshape(query.shape).MoveToOuterDisposeScope();
    }

    public Tensor GateUp(Tensor gate, Tensor up)
    {
        kernels.GateUp(gate, up);
        return gate;
    }

    public Tensor Add(Tensor x, Tensor y) => x + y;
}
