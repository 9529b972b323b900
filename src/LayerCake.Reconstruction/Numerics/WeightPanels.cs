using System.Runtime.Intrinsics;
using LayerCake.Quantization.Numerics;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// The weight of a linear in float32, as panels of 32 outputs, [panel][input][32]: the arrangement in which every method here works, since the rows of a
/// weight are quantized independently of each other. Outputs are padded to whole panels with zeros.
/// </summary>
internal sealed unsafe class WeightPanels : IDisposable
{
    /// <summary>Outputs of a panel.</summary>
    public const int Width = PanelProduct.Columns;

    private readonly FloatBuffer _memory;

    public WeightPanels(int outputs, int inputs)
    {
        (Outputs, Inputs) = (outputs, inputs);
        PanelCount = PanelProduct.PanelsOf(outputs);
        _memory = new FloatBuffer((long)PanelCount * inputs * Width);
    }

    public int Outputs { get; }

    public int Inputs { get; }

    public int PanelCount { get; }

    public static WeightPanels From(HalfMatrix weight)
    {
        var panels = new WeightPanels(weight.Rows, weight.Columns);
        Parallel.For(0, panels.PanelCount, panel =>
        {
            var to = panels.Panel(panel);
            for (var lane = 0; lane < Width && (panel * Width) + lane < weight.Rows; lane++)
            {
                var row = (Half*)weight.RowPointer((panel * Width) + lane);
                for (long input = 0; input < weight.Columns; input++)
                {
                    to[(input * Width) + lane] = (float)row[input];
                }
            }
        });
        return panels;
    }

    public float* Panel(int panel) => _memory.Pointer + ((long)panel * Inputs * Width);

    public float At(int output, int input) => Panel(output / Width)[((long)input * Width) + (output % Width)];

    public WeightPanels Clone()
    {
        var copy = new WeightPanels(Outputs, Inputs);
        Buffer.MemoryCopy(_memory.Pointer, copy._memory.Pointer, _memory.Count * sizeof(float), _memory.Count * sizeof(float));
        return copy;
    }

    /// <summary>A panel with its inputs multiplied by <paramref name="scales"/>.</summary>
    /// <param name="panel">Which.</param>
    /// <param name="scales">Of each input.</param>
    /// <param name="to">[inputs][32].</param>
    public void ScaledPanel(int panel, float[] scales, float* to)
    {
        var from = Panel(panel);
        for (long i = 0; i < Inputs; i++)
        {
            var scale = Vector512.Create(scales[i]);
            (Vector512.Load(from + (i * Width)) * scale).Store(to + (i * Width));
            (Vector512.Load(from + (i * Width) + 16) * scale).Store(to + (i * Width) + 16);
        }
    }

    /// <summary>W v for a vector of inputs.</summary>
    public double[] Apply(double[] vector)
    {
        var result = new double[Outputs];
        for (var output = 0; output < Outputs; output++)
        {
            for (var input = 0; input < Inputs; input++)
            {
                result[output] += At(output, input) * vector[input];
            }
        }

        return result;
    }

    /// <summary>c = f16(a · Wᵀ + bias) for rows of activations, as a float16 product with float32 sums rounds.</summary>
    /// <param name="c">Rows of <see cref="Outputs"/> values rounded up to whole panels, <paramref name="ldc"/> apart.</param>
    /// <param name="bias">As many values as a row of c, or null.</param>
    public void Multiply(float* a, nint lda, int rows, float* c, nint ldc, float* bias)
    {
        for (var row = 0; row < rows; row += PackedMatrix.RowBlock)
        {
            var count = Math.Min(PackedMatrix.RowBlock, rows - row);
            for (var depth = 0; depth < Inputs; depth += PackedMatrix.DepthBlock)
            {
                var length = Math.Min(PackedMatrix.DepthBlock, Inputs - depth);
                for (var panel = 0; panel < PanelCount; panel++)
                {
                    var to = c + (row * ldc) + (panel * Width);
                    PanelProduct.Multiply(a + (row * lda) + depth, lda, count, Panel(panel) + ((long)depth * Width), to, ldc, length, accumulate: depth > 0);
                    if (depth + length == Inputs)
                    {
                        PackedMatrix.Finish(to, ldc, count, bias == null ? null : bias + (panel * Width));
                    }
                }
            }
        }
    }

    public void Dispose() => _memory.Dispose();
}
