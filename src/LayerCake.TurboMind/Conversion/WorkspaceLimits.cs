using System.Globalization;
using System.Numerics;

namespace LayerCake.TurboMind;

/// <summary>
/// What the workspace format and the engine's kernels (LMDeploy v0.1.0) can carry, checked on numbers alone:
/// before a calibration, before a conversion, without reading a weight.
/// </summary>
public static class WorkspaceLimits
{
    /// <summary>The only group size with int4 kernels (gemm_s4_f16.cu).</summary>
    public const int Int4GroupSize = 128;

    // int4 GEMM tiles: output columns and input rows of every rank's matrix come in multiples of this.
    private const int Int4Multiple = 128;

    /// <summary>All reasons why this model cannot be laid out so, as sentences; empty if it can.</summary>
    /// <param name="model">The model's numbers.</param>
    /// <param name="weights">What the linear layers will hold.</param>
    /// <param name="tensorParallel">Ranks.</param>
    /// <param name="groupSize">Rows that share an int4 scale; not looked at for other weights.</param>
    /// <param name="int8KeyValueCache">The workspace will have KV scales and a quant_policy.</param>
    public static IReadOnlyList<string> Faults(
        ModelDimensions model, WeightType weights, int tensorParallel, int groupSize, bool int8KeyValueCache = false)
    {
        var faults = ShapeFaults(model);
        if (weights == WeightType.Int4)
        {
            AddInt4Faults(faults, model, groupSize);
        }

        if (int8KeyValueCache && weights == WeightType.BFloat16)
        {
            faults.Add("an int8 KV cache needs float16 activations (weights fp16 or int4): with bf16 the engine ignores quant_policy while decoding");
        }

        AddParallelFaults(faults, model, weights, tensorParallel);
        return faults;
    }

    /// <summary>All reasons why the engine cannot run a workspace with these settings, as sentences; empty if it can.</summary>
    public static IReadOnlyList<string> Faults(EngineConfiguration configuration)
    {
        if (configuration.SizePerHead != EngineConfiguration.HeadSize || configuration.RotaryEmbedding != EngineConfiguration.HeadSize)
        {
            return
            [
                $"size_per_head {configuration.SizePerHead}, rotary_embedding {configuration.RotaryEmbedding}: the engine has heads of {EngineConfiguration.HeadSize} only",
            ];
        }

        var dimensions = new ModelDimensions
        {
            LayerCount = configuration.LayerCount,
            HiddenSize = configuration.HiddenSize,
            HeadCount = configuration.HeadCount,
            KeyValueHeadCount = configuration.KeyValueHeadCount,
            IntermediateSize = configuration.IntermediateSize,
            VocabularySize = configuration.VocabularySize,
        };
        return Faults(dimensions, configuration.WeightType, configuration.TensorParallel, configuration.GroupSize, configuration.QuantPolicy != 0);
    }

    /// <summary>Refuses what <see cref="Faults(ModelDimensions, WeightType, int, int, bool)"/> finds, with the tensor parallel degrees and group sizes that would work.</summary>
    /// <exception cref="WorkspaceException">The model cannot be laid out so.</exception>
    public static void Check(
        ModelDimensions model, WeightType weights, int tensorParallel, int groupSize, bool int8KeyValueCache = false)
    {
        var faults = Faults(model, weights, tensorParallel, groupSize, int8KeyValueCache);
        if (faults.Count == 0)
        {
            return;
        }

        var asked = weights == WeightType.Int4
            ? $"{weights.ConfigurationName()} weights, group size {groupSize}, tensor parallel {tensorParallel}"
            : $"{weights.ConfigurationName()} weights, tensor parallel {tensorParallel}";
        throw new WorkspaceException(
            $"TurboMind cannot carry this model with {asked}:\n  - {string.Join("\n  - ", faults)}\n{Advice(model, weights)}");
    }

    /// <summary>The tensor parallel degrees that work, ascending, for int4 with the one group size that works.</summary>
    public static IReadOnlyList<int> TensorParallelDegrees(ModelDimensions model, WeightType weights)
    {
        var degrees = new List<int>();
        for (var degree = 1; degree <= Math.Max(model.KeyValueHeadCount, 1); degree *= 2)
        {
            if (Faults(model, weights, degree, Int4GroupSize).Count == 0)
            {
                degrees.Add(degree);
            }
        }

        return degrees;
    }

    private static string Advice(ModelDimensions model, WeightType weights)
    {
        var degrees = TensorParallelDegrees(model, weights);
        var works = string.Join(", ", degrees.Select(degree => degree.ToString(CultureInfo.InvariantCulture)));
        if (weights != WeightType.Int4)
        {
            return degrees.Count > 0
                ? $"Tensor parallel degrees that work for this model: {works}."
                : "No tensor parallel degree works for this model.";
        }

        if (degrees.Count > 0)
        {
            return $"What works for this model: group size {Int4GroupSize} with tensor parallel {works}.";
        }

        var half = TensorParallelDegrees(model, WeightType.Float16);
        var instead = half.Count == 0
            ? ""
            : $" Unquantized (fp16) it can be converted with tensor parallel {string.Join(", ", half)}.";
        return $"No group size and tensor parallel degree works for int4 with this model.{instead}";
    }

    private static List<string> ShapeFaults(ModelDimensions model)
    {
        var faults = new List<string>();
        if (model.HeadWidth != EngineConfiguration.HeadSize)
        {
            var width = model.HeadDimension is { } given
                ? $"head_dim {given}"
                : $"hidden size {model.HiddenSize} with {model.HeadCount} heads";
            faults.Add($"{width}: the engine's attention has heads of {EngineConfiguration.HeadSize} only");
        }
        else if (model.HiddenSize != model.QueryWidth)
        {
            faults.Add($"hidden size {model.HiddenSize} is not {model.HeadCount} heads of {EngineConfiguration.HeadSize}: the engine has one width for both");
        }

        if (model.HeadCount % model.KeyValueHeadCount != 0)
        {
            faults.Add($"{model.HeadCount} heads do not share {model.KeyValueHeadCount} key/value heads evenly");
        }

        return faults;
    }

    private static void AddInt4Faults(List<string> faults, ModelDimensions model, int groupSize)
    {
        if (groupSize != Int4GroupSize)
        {
            faults.Add($"group size {groupSize}: the engine has int4 kernels for group size {Int4GroupSize} only");
        }

        AddMultiple(faults, "hidden size", model.HiddenSize);
        AddMultiple(faults, "intermediate size", model.IntermediateSize);
    }

    private static void AddMultiple(List<string> faults, string what, int value)
    {
        if (value % Int4Multiple != 0)
        {
            faults.Add($"{what} {value} is not a multiple of {Int4Multiple}, as the int4 layout needs");
        }
    }

    private static void AddParallelFaults(List<string> faults, ModelDimensions model, WeightType weights, int ranks)
    {
        if (ranks < 1 || !BitOperations.IsPow2(ranks))
        {
            faults.Add($"tp should be 2^n, not {ranks}");
            return;
        }

        if (ranks == 1)
        {
            return;
        }

        AddIndivisible(faults, model.HeadCount, "heads", ranks);
        AddIndivisible(faults, model.KeyValueHeadCount, "key/value heads", ranks);
        if (model.IntermediateSize % ranks != 0)
        {
            faults.Add($"intermediate size {model.IntermediateSize} cannot be divided among {ranks} ranks");
        }
        else if (weights == WeightType.Int4 && model.IntermediateSize % Int4Multiple == 0 && model.IntermediateSize / ranks % Int4Multiple != 0)
        {
            faults.Add(
                $"intermediate size {model.IntermediateSize} is {model.IntermediateSize / Int4Multiple} groups of {Int4Multiple}, "
                + $"which cannot be divided among {ranks} ranks");
        }
    }

    private static void AddIndivisible(List<string> faults, int count, string what, int ranks)
    {
        if (count % ranks != 0)
        {
            faults.Add($"{count} {what} cannot be divided among {ranks} ranks");
        }
    }
}
