using LayerCake.Models;
using LayerCake.Quantization.Numerics;

namespace LayerCake.Quantization.Smoothing;

/// <summary>A linear being smoothed: its weight [out, in] and, where it has one, its bias [1, out].</summary>
internal sealed record SmoothedLinear(HalfMatrix Weight, HalfMatrix? Bias);

/// <summary>
/// Moves the difficulty of activations into weights, in place, for one norm or linear and what reads it.
/// The order of the pairs matters: later ones see what earlier ones changed.
/// </summary>
internal sealed class Smoother(int groupSize, int threads, CancellationToken cancellation)
{
    /// <summary>Norm → linears: norm / s, every consumer's columns · s.</summary>
    /// <param name="norm">The norm's weight, [1, in].</param>
    /// <param name="consumers">The linears that read it, in the family's order.</param>
    /// <param name="absMax">Input statistics of the first consumer.</param>
    public void Smooth(HalfMatrix norm, IReadOnlyList<SmoothedLinear> consumers, ReadOnlySpan<Half> absMax)
    {
        var scales = Scales([.. consumers.Select(linear => linear.Weight)], absMax);
        Scaling.DivideElements(norm, scales);
        foreach (var consumer in consumers)
        {
            Scaling.MultiplyColumns(consumer.Weight, scales, threads, cancellation);
        }
    }

    /// <summary>
    /// Linear → linear: rows and bias of <paramref name="previous"/> / s, columns of <paramref name="consumer"/> · s.
    /// Skipped where the previous one is narrower (grouped KV heads: one value head feeds several columns).
    /// </summary>
    /// <returns>Whether the pair was smoothed.</returns>
    public bool Smooth(SmoothedLinear previous, SmoothedLinear consumer, ReadOnlySpan<Half> absMax)
    {
        var (produced, read) = (previous.Weight.Rows, consumer.Weight.Columns);
        if (produced < read && read % produced == 0)
        {
            return false;
        }

        if (produced != read)
        {
            throw new ModelException($"{consumer.Weight.Name} reads {read} channels, but {previous.Weight.Name} produces {produced}.");
        }

        var scales = Scales([consumer.Weight], absMax);
        Scaling.DivideRows(previous.Weight, scales, threads, cancellation);
        if (previous.Bias is not null)
        {
            Scaling.DivideElements(previous.Bias, scales);
        }

        Scaling.MultiplyColumns(consumer.Weight, scales, threads, cancellation);
        return true;
    }

    private Half[] Scales(IReadOnlyList<HalfMatrix> weights, ReadOnlySpan<Half> absMax) =>
        SmoothingScales.Of(absMax, WeightImportance.Of(weights, groupSize, threads, cancellation));
}
