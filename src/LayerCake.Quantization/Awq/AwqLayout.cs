using System.Collections.Immutable;
using LayerCake.Checkpoints;
using LayerCake.Models;

namespace LayerCake.Quantization.Awq;

/// <summary>The tensors of a quantized checkpoint, in the order of the original's state dict.</summary>
internal static class AwqLayout
{
    /// <summary>Each linear's weight becomes bias (if any), qweight, scales (float32), qzeros, in its place; all else is float16.</summary>
    public static IReadOnlyList<TensorInfo> Tensors(ModelConfiguration configuration, int groupSize)
    {
        var family = ModelFamily.Of(configuration);
        var linears = family.Linears(configuration);
        var tensors = new List<TensorInfo> { Tensor(family.Embedding, DType.F16, configuration.VocabularySize, configuration.HiddenSize) };
        for (var layer = 0; layer < configuration.LayerCount; layer++)
        {
            foreach (var linear in linears)
            {
                var name = family.Module(layer, linear.Name);
                var (words, groups) = (linear.OutputSize / 8, linear.InputSize / groupSize);
                if (linear.HasBias)
                {
                    tensors.Add(Tensor($"{name}.bias", DType.F16, linear.OutputSize));
                }

                tensors.Add(Tensor($"{name}.qweight", DType.I32, linear.InputSize, words));
                tensors.Add(Tensor($"{name}.scales", DType.F32, groups, linear.OutputSize));
                tensors.Add(Tensor($"{name}.qzeros", DType.I32, groups, words));
            }

            foreach (var norm in family.LayerNorms)
            {
                tensors.Add(Tensor($"{family.Module(layer, norm)}.weight", DType.F16, configuration.HiddenSize));
            }
        }

        tensors.Add(Tensor($"{family.FinalNorm}.weight", DType.F16, configuration.HiddenSize));
        tensors.Add(Tensor(family.Head, DType.F16, configuration.VocabularySize, configuration.HiddenSize));
        return tensors;
    }

    /// <summary>Greedy, in order: a new shard begins where the next tensor would pass the limit. A larger tensor has a shard of its own.</summary>
    public static IReadOnlyList<IReadOnlyList<TensorInfo>> Shards(IReadOnlyList<TensorInfo> tensors, long maxShardBytes)
    {
        var shards = new List<List<TensorInfo>>();
        var bytes = 0L;
        foreach (var tensor in tensors)
        {
            if (shards.Count == 0 || bytes + tensor.ByteCount > maxShardBytes)
            {
                shards.Add([]);
                bytes = 0;
            }

            shards[^1].Add(tensor);
            bytes += tensor.ByteCount;
        }

        return shards;
    }

    private static TensorInfo Tensor(string name, DType dtype, params ImmutableArray<long> shape) =>
        new(name, dtype, shape, dtype.ByteCount(shape.Aggregate(1L, (count, dimension) => checked(count * dimension))));
}
