using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>A linear's weights [inputs, outputs] in panels of 32 outputs; the last panel is padded with zeros.</summary>
public abstract unsafe class WeightMatrix(int inputs, int outputs) : IDisposable
{
    /// <summary>Outputs of a panel.</summary>
    public const int Columns = PanelProduct.Columns;

    public int Inputs { get; } = inputs;

    public int Outputs { get; } = outputs;

    public int PanelCount { get; } = PanelProduct.PanelsOf(outputs);

    /// <summary>Bytes in memory.</summary>
    public abstract long ByteCount { get; }

    /// <summary>Whether <see cref="MultiplyPanel"/> may be used: its fast conversion is wrong for float16 weights that are infinite or not numbers.</summary>
    internal virtual bool CanBeReadPacked => true;

    /// <summary>The lanes in bits that suit this processor best.</summary>
    internal static int BestWidth => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    /// <summary>Weights of a panel in float32, [count][32].</summary>
    public abstract void Expand(int panel, int firstInput, int count, float* destination);

    public abstract void Dispose();

    /// <summary>A row of activations, <see cref="Inputs"/> of them, as <see cref="MultiplyPanel"/> takes it.</summary>
    internal abstract void Prepare(float* x, float* prepared);

    /// <summary>
    /// y = x · W for a panel's 32 outputs, reading the weights as they lie in memory: for few rows. Every sum is one chain of fused multiply-adds over the inputs in
    /// ascending order, the same bits as <see cref="PanelProduct"/> gives for <see cref="Expand"/>'s weights.
    /// </summary>
    /// <param name="x">Prepared rows, <see cref="Inputs"/> apart.</param>
    /// <param name="width">Lanes in bits: 128, 256 or 512.</param>
    internal abstract void MultiplyPanel(int panel, float* x, int rows, float* y, nint yStride, int width);
}
