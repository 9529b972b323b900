using System.Runtime.CompilerServices;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// Sums of products of activations over tokens, Σ l rᵀ, in float32. Tokens are added in their order whatever the number of threads, so the sums are the same bits
/// everywhere.
/// </summary>
internal sealed unsafe class Moments : IDisposable
{
    private const int Width = PanelProduct.Columns;
    private const int DepthBlock = 256;

    private readonly FloatBuffer _memory;
    private readonly bool _panels;

    /// <param name="rows">Channels of l.</param>
    /// <param name="columns">Channels of r.</param>
    /// <param name="panels">Whether the sums are laid out as <see cref="WeightPanels"/> is, [panel of 32 columns][row][32], instead of row by row.</param>
    public Moments(int rows, int columns, bool panels = false)
    {
        (Rows, Columns, _panels) = (rows, columns, panels);
        Stride = panels ? Width : Pad(columns);
        _memory = new FloatBuffer((long)rows * Pad(columns));
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Floats from one row to the next.</summary>
    public nint Stride { get; }

    /// <summary>The sums.</summary>
    public float* Pointer => _memory.Pointer;

    public float* Row(int row) => _memory.Pointer + (row * Stride);

    /// <summary>The panel of 32 columns, where the sums are laid out so.</summary>
    public float* Panel(int panel) => _memory.Pointer + ((long)panel * Rows * Width);

    /// <summary>Adds Σ l rᵀ over the tokens of several samples.</summary>
    /// <param name="left">Of each sample l transposed, [channels][tokens].</param>
    /// <param name="right">Of each sample r, [tokens][stride].</param>
    /// <param name="symmetric">l is r: only what lies on and below the diagonal's panels is summed; see <see cref="Mirror"/>.</param>
    public void Add(IReadOnlyList<nint> left, IReadOnlyList<nint> right, int tokens, nint rightStride, bool symmetric, ParallelOptions options)
    {
        Parallel.For(0, Pad(Columns) / Width, options, panel =>
        {
            using var copy = new FloatBuffer(DepthBlock * Width);
            var first = symmetric ? panel * Width : 0;
            var to = _panels ? Panel(panel) + (first * Stride) : Row(first) + (panel * Width);
            for (var sample = 0; sample < left.Count; sample++)
            {
                var l = (float*)left[sample] + ((nint)first * tokens);
                var r = (float*)right[sample] + (panel * Width);
                for (var token = 0; token < tokens; token += DepthBlock)
                {
                    var depth = Math.Min(DepthBlock, tokens - token);
                    CopyPanel(r + (token * rightStride), rightStride, copy.Pointer, depth);
                    PanelProduct.Multiply(l + token, tokens, Rows - first, copy.Pointer, to, Stride, depth, accumulate: true);
                }
            }
        });
    }

    /// <summary>Fills what lies above the diagonal.</summary>
    public void Mirror()
    {
        for (var row = 0; row < Rows; row++)
        {
            for (var column = row + 1; column < Columns; column++)
            {
                Row(row)[column] = Row(column)[row];
            }
        }
    }

    public void Scale(float factor)
    {
        for (long i = 0; i < _memory.Count; i++)
        {
            Pointer[i] *= factor;
        }
    }

    /// <summary>Divides rows, and columns where given, by factors of theirs.</summary>
    public void Divide(float[] rows, float[]? columns)
    {
        for (var row = 0; row < Rows; row++)
        {
            var factor = 1 / rows[row];
            for (var column = 0; column < Columns; column++)
            {
                At(row, column) *= columns is null ? factor : factor / columns[column];
            }
        }
    }

    /// <summary>Subtracts l rᵀ.</summary>
    public void SubtractProduct(double[] left, double[] right)
    {
        for (var row = 0; row < Rows; row++)
        {
            for (var column = 0; column < Columns; column++)
            {
                At(row, column) = (float)(At(row, column) - (left[row] * right[column]));
            }
        }
    }

    public void Dispose() => _memory.Dispose();

    private ref float At(int row, int column) =>
        ref _panels ? ref Panel(column / Width)[((long)row * Width) + (column % Width)] : ref Row(row)[column];

    private static int Pad(int count) => (count + Width - 1) / Width * Width;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyPanel(float* from, nint stride, float* to, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            new Span<float>(from + (row * stride), Width).CopyTo(new Span<float>(to + (row * Width), Width));
        }
    }
}
