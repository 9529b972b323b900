using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// The float16 weight of a linear, [outputs, inputs], rearranged once into panels of 32 outputs, [panel][input][32]: what <see cref="PanelProduct"/>
/// reads, in half the memory. Outputs are padded to whole panels with zeros.
/// </summary>
public sealed unsafe class PackedMatrix : IDisposable
{
    /// <summary>Inputs per step: one panel of so many inputs in float32 is 32 KB and stays in the first-level cache.</summary>
    public const int DepthBlock = 256;

    /// <summary>Rows per step: their activations for one depth block are 512 KB and stay in the second-level cache.</summary>
    public const int RowBlock = 512;

    private readonly NativeBuffer _panels;
    private readonly Half* _memory;

    /// <param name="weight">Contiguous, [outputs, inputs]; not kept.</param>
    public PackedMatrix(Half* weight, int outputs, int inputs)
    {
        Outputs = outputs;
        Inputs = inputs;
        _panels = new NativeBuffer((long)PanelCount * Inputs * PanelProduct.Columns * sizeof(Half));
        _memory = (Half*)_panels.Pointer;
        Pack((ushort*)weight);
    }

    public int Outputs { get; }

    public int Inputs { get; }

    private int PanelCount => PanelProduct.PanelsOf(Outputs);

    /// <summary>
    /// c = f16(a · Wᵀ + bias) for rows of activations; one rounding, as a float16 product with float32 sums has.
    /// </summary>
    /// <param name="a">Rows of <see cref="Inputs"/> values, <paramref name="lda"/> apart.</param>
    /// <param name="c">Rows of <see cref="Outputs"/> values rounded up to whole panels, <paramref name="ldc"/> apart.</param>
    /// <param name="bias">As many values as a row of c, or null.</param>
    /// <param name="scratch"><see cref="DepthBlock"/> × 32 floats.</param>
    /// <param name="round">False leaves the float32 sums as they are, without bias: the engine's logits are not rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(float* a, nint lda, int rows, float* c, nint ldc, float* bias, float* scratch, bool round = true)
    {
        for (var row = 0; row < rows; row += RowBlock)
        {
            var count = Math.Min(RowBlock, rows - row);
            for (var depth = 0; depth < Inputs; depth += DepthBlock)
            {
                var length = Math.Min(DepthBlock, Inputs - depth);
                for (var panel = 0; panel < PanelCount; panel++)
                {
                    var column = panel * PanelProduct.Columns;
                    var to = c + (row * ldc) + column;
                    Float16Lanes.Load(_memory + ((((long)panel * Inputs) + depth) * PanelProduct.Columns), scratch, length * PanelProduct.Columns);
                    PanelProduct.Multiply(a + (row * lda) + depth, lda, count, scratch, to, ldc, length, accumulate: depth > 0);
                    if (round && depth + length == Inputs)
                    {
                        Finish(to, ldc, count, bias == null ? null : bias + column);
                    }
                }
            }
        }
    }

    public void Dispose() => _panels.Dispose();

    /// <summary>c = f16(c + bias) for a panel's 32 columns of all rows; no bias where it is null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Finish(float* c, nint ldc, int rows, float* bias)
    {
        var low = bias == null ? Vector512<float>.Zero : Vector512.Load(bias);
        var high = bias == null ? Vector512<float>.Zero : Vector512.Load(bias + 16);
        for (var row = 0; row < rows; row++, c += ldc)
        {
            Vector512.Store(Float16Lanes.Round(Vector512.Load(c) + low), c);
            Vector512.Store(Float16Lanes.Round(Vector512.Load(c + 16) + high), c + 16);
        }
    }

    private void Pack(ushort* weight)
    {
        Parallel.For(0, PanelCount, panel => PackPanel(weight, panel));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackPanel(ushort* weight, int panel)
    {
        const int Columns = PanelProduct.Columns;
        var to = (ushort*)_memory + ((long)panel * Inputs * Columns);
        for (var column = 0; column < Columns; column++, to++)
        {
            var output = (panel * Columns) + column;
            if (output < Outputs)
            {
                var from = weight + ((long)output * Inputs);
                for (long input = 0; input < Inputs; input++)
                {
                    to[input * Columns] = from[input];
                }
            }
            else
            {
                for (long input = 0; input < Inputs; input++)
                {
                    to[input * Columns] = 0;
                }
            }
        }
    }
}
