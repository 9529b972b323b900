using System.Collections.Immutable;
using System.Text.RegularExpressions;
using LayerCake.Checkpoints;

namespace LayerCake.Models;

/// <summary>The tensors a model of some configuration is made of, and the check that a checkpoint has them.</summary>
public static partial class ModelLayout
{
    private const int FaultsShown = 8;

    /// <summary>Every tensor the checkpoint must have, in the order PyTorch's <c>state_dict()</c> lists them.</summary>
    public static IEnumerable<(string Name, ImmutableArray<long> Shape)> Tensors(ModelConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var family = ModelFamily.Of(configuration);
        var linears = family.Linears(configuration);
        ImmutableArray<long> hidden = [configuration.HiddenSize];

        yield return (family.Embedding, [configuration.VocabularySize, configuration.HiddenSize]);
        for (var layer = 0; layer < configuration.LayerCount; layer++)
        {
            foreach (var linear in linears)
            {
                var name = family.Module(layer, linear.Name);
                yield return ($"{name}.weight", [linear.OutputSize, linear.InputSize]);
                if (linear.HasBias)
                {
                    yield return ($"{name}.bias", [linear.OutputSize]);
                }
            }

            foreach (var norm in family.LayerNorms)
            {
                yield return ($"{family.Module(layer, norm)}.weight", hidden);
            }
        }

        yield return ($"{family.FinalNorm}.weight", hidden);
        yield return (family.Head, [configuration.VocabularySize, configuration.HiddenSize]);
    }

    /// <summary>
    /// Checks from headers alone that every tensor is there with its shape and a float dtype, and that no layer holds a tensor
    /// that would be ignored silently. A head that shares the embedding's weight may be absent.
    /// </summary>
    /// <exception cref="ModelException">Names the tensors that are missing, have another shape or dtype, or do not belong.</exception>
    public static void Check(ITensorSource weights, ModelConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(configuration);
        var head = ModelFamily.Of(configuration).Head;
        var faults = new List<string>();
        var expected = new HashSet<string>(StringComparer.Ordinal);

        foreach (var (name, shape) in Tensors(configuration))
        {
            expected.Add(name);
            if (!weights.TryFind(name, out var tensor))
            {
                if (!(name == head && configuration.TiesHeadToEmbedding))
                {
                    faults.Add($"{name} [{string.Join(", ", shape)}] is missing");
                }
            }
            else if (!tensor.Shape.SequenceEqual(shape))
            {
                faults.Add($"{name} has the shape [{string.Join(", ", tensor.Shape)}], but by the configuration it must be [{string.Join(", ", shape)}]");
            }
            else if (tensor.DType is not (DType.F16 or DType.BF16 or DType.F32))
            {
                faults.Add($"{name} has the dtype {tensor.DType}; supported are F16, BF16 and F32");
            }
        }

        if (faults.Count > 0 && weights.Tensors.Any(tensor => tensor.Name.EndsWith(".qweight", StringComparison.Ordinal)))
        {
            throw new ModelException(
                $"{weights.Path} holds int4 weights (qweight): the checkpoint is already quantized. Give the original float16 or bfloat16 model.");
        }

        faults.AddRange(weights.Tensors
            .Where(tensor => LayerTensor().IsMatch(tensor.Name) && !expected.Contains(tensor.Name) && !IsIgnored(tensor.Name))
            .Select(tensor => $"{tensor.Name} [{string.Join(", ", tensor.Shape)}] is not part of a {configuration.Architecture} with {configuration.LayerCount} layers and these settings"));

        if (faults.Count > 0)
        {
            var more = faults.Count > FaultsShown ? $"; and {faults.Count - FaultsShown} more" : "";
            throw new ModelException($"{weights.Path} does not fit {configuration.Source}: {string.Join("; ", faults.Take(FaultsShown))}{more}.");
        }
    }

    /// <summary>Buffers old Transformers versions saved; recomputed from the configuration by everyone.</summary>
    public static bool IsIgnored(string tensorName)
    {
        ArgumentNullException.ThrowIfNull(tensorName);
        return tensorName.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^model\.layers\.\d+\.", RegexOptions.CultureInvariant)]
    private static partial Regex LayerTensor();
}
