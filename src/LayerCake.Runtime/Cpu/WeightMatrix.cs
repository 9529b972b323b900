using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>A linear's weights [inputs, outputs] in panels of 32 outputs; the last panel is padded with zeros.</summary>
internal abstract unsafe class WeightMatrix(int inputs, int outputs) : IDisposable
{
    public int Inputs { get; } = inputs;

    public int Outputs { get; } = outputs;

    public int PanelCount { get; } = (outputs + PanelProduct.Columns - 1) / PanelProduct.Columns;

    /// <summary>Bytes in memory.</summary>
    public abstract long ByteCount { get; }

    /// <summary>Weights of a panel in float32, [count][32].</summary>
    public abstract void Expand(int panel, int firstInput, int count, float* destination);

    public abstract void Dispose();
}
