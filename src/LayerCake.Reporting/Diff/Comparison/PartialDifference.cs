namespace LayerCake.Reporting;

/// <summary>What one piece of a tensor adds to the whole. Pieces are added in order, so the sum does not depend on threads.</summary>
internal struct PartialDifference()
{
    public double Error;
    public double Energy;
    public double MaxAbsolute;
    public long Differing;
    public long ScalesDiffering;

    /// <summary>Flat index of the first element that differs; -1 where none does.</summary>
    public long First = -1;

    /// <summary>Whether an error could not be computed.</summary>
    public bool IsUnknown;

    public void Add(in PartialDifference next)
    {
        Error += next.Error;
        Energy += next.Energy;
        IsUnknown |= next.IsUnknown || double.IsNaN(next.MaxAbsolute);
        MaxAbsolute = Math.Max(MaxAbsolute, next.MaxAbsolute);
        Differing += next.Differing;
        ScalesDiffering += next.ScalesDiffering;
        if (First < 0)
        {
            First = next.First;
        }
    }

    public readonly double MaxAbsoluteOrNaN => IsUnknown || double.IsNaN(Error) ? double.NaN : MaxAbsolute;

    public readonly double RelativeRms => IsUnknown || double.IsNaN(Error) ? double.NaN
        : Error == 0 ? 0
        : Energy == 0 ? double.PositiveInfinity
        : !double.IsFinite(Energy) ? double.NaN
        : Math.Sqrt(Error / Energy);
}
