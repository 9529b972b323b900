using LayerCake.Models;

namespace LayerCake.Quantization;

/// <summary>How weights are quantized: what changes the bytes of the result, nothing else.</summary>
public sealed record AwqOptions
{
    /// <summary>Bits of a weight. Only 4 has a kernel in the engine.</summary>
    public int Bits { get; init; } = 4;

    /// <summary>Input channels that share one scale and zero point. Default 128.</summary>
    public int GroupSize { get; init; } = 128;

    /// <summary>Symmetric quantization without zero points; not possible, see <see cref="Validate"/>.</summary>
    public bool Symmetric { get; init; }

    /// <summary>Checks the options against a model, from its configuration alone.</summary>
    /// <exception cref="QuantizationException">Names the value, the linear it does not fit, and values that would work.</exception>
    public void Validate(ModelConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (Bits != 4)
        {
            throw new QuantizationException($"w_bits {Bits} is not possible: int4 weights are all the engine reads. Use 4.");
        }

        if (Symmetric)
        {
            throw new QuantizationException("w_sym true is not possible: the engine's int4 weights need zero points, which symmetric quantization has not. Use false.");
        }

        var family = ModelFamily.Of(configuration);
        var linears = family.Linears(configuration);
        foreach (var linear in linears)
        {
            if (GroupSize < 1 || linear.InputSize % GroupSize != 0)
            {
                throw new QuantizationException(
                    $"w_group_size {GroupSize} does not divide the {linear.InputSize} input channels of {family.Module(0, linear.Name)}; {Working(linears)}.");
            }

            if (linear.OutputSize % 8 != 0)
            {
                throw new QuantizationException(
                    $"{family.Module(0, linear.Name)} has {linear.OutputSize} output channels; int4 weights are packed by eight, so it must be a multiple of 8. This model cannot be quantized to int4.");
            }
        }
    }

    private static string Working(IReadOnlyList<LinearLayout> linears)
    {
        var working = new[] { 32, 64, 128, 256 }.Where(size => linears.All(linear => linear.InputSize % size == 0)).ToArray();
        return working.Length > 0
            ? $"group sizes that divide every linear: {string.Join(", ", working)}"
            : "none of the usual group sizes (32, 64, 128, 256) divides every linear of this model";
    }
}
