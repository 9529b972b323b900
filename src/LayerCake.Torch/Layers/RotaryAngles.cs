using LayerCake.Kernels;
using LayerCake.Models;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>Which angles a model's rotary embedding turns by, as the Transformers modelling code has them.</summary>
public static class RotaryAngles
{
    /// <summary>The table of a sequence of <paramref name="length"/> positions.</summary>
    public static RotaryTable Table(ModelConfiguration configuration, int length)
    {
        var positionScale = configuration.RopeScaling.Kind == RopeScalingKind.Linear ? (float)configuration.RopeScaling.Factor : 1f;
        return new RotaryTable(length, InverseFrequencies(configuration, length), positionScale);
    }

    /// <summary>The same as tensors, [length, head dimension], both halves alike; the caller's scope owns them.</summary>
    /// <param name="type">float16 for <see cref="ILayerOperations.Rotate"/>.</param>
    internal static (Tensor Cosines, Tensor Sines) Tensors(ModelConfiguration configuration, int length, Device device, ScalarType type = ScalarType.Float16)
    {
        var table = Table(configuration, length);
        return (Both(table.Cosines), Both(table.Sines));

        Tensor Both(ReadOnlySpan<float> half)
        {
            using var scope = NewDisposeScope();
            var values = tensor(half.ToArray()).view(length, table.Half);
            return cat([values, values], 1).to(type).to(device).MoveToOuterDisposeScope();
        }
    }

    private static float[] InverseFrequencies(ModelConfiguration configuration, int length)
    {
        var dimension = configuration.HeadDimension;
        var theta = configuration.RopeTheta;
        if (configuration.RopeScaling.Kind == RopeScalingKind.Dynamic && length > configuration.MaxPositionEmbeddings)
        {
            // Dynamic NTK: base · (factor · length / trained − (factor − 1)) ^ (d / (d − 2)).
            var factor = configuration.RopeScaling.Factor;
            theta *= Math.Pow((factor * length / configuration.MaxPositionEmbeddings) - (factor - 1), dimension / (dimension - 2.0));
        }

        var frequencies = new float[dimension / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = 1f / (float)Math.Pow(theta, (float)(2 * i) / dimension);
        }

        return frequencies;
    }
}
