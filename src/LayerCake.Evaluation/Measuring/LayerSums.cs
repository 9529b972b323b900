namespace LayerCake.Evaluation;

/// <summary>What one window gave while it went through one layer; added up over the windows in their order.</summary>
/// <param name="variants">How many variants there are.</param>
/// <param name="models">How many models there are; the first is the baseline's.</param>
internal sealed class LayerSums(int variants, int models)
{
    /// <summary>Σ(h' − h)² of each variant.</summary>
    public double[] StateErrors { get; } = new double[variants];

    /// <summary>Σh² of the baseline.</summary>
    public double States { get; set; }

    /// <summary>Σ(f'(x) − f(x))² of each model.</summary>
    public double[] OutputErrors { get; } = new double[models];

    /// <summary>Σf(x)² of the baseline.</summary>
    public double Outputs { get; set; }

    /// <summary>Keys and values of the window; null where they are not looked at.</summary>
    public KeyValueCollector? Cache { get; set; }
}
