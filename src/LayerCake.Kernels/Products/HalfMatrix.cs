using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>16-bit weights, [panel][input][32].</summary>
public sealed unsafe class HalfMatrix<T> : WeightMatrix
    where T : struct, IHalfType
{
    private readonly NativeBuffer _memory;
    private volatile bool _finite = true;

    public HalfMatrix(int inputs, int outputs)
        : base(inputs, outputs)
    {
        _memory = new NativeBuffer((long)PanelCount * inputs * Columns * sizeof(ushort));
        if (outputs % Columns != 0)
        {
            new Span<byte>(Panel(PanelCount - 1), checked(inputs * Columns * sizeof(ushort))).Clear();
        }
    }

    public override long ByteCount => _memory.ByteCount;

    internal override bool CanBeReadPacked => _finite;

    /// <summary>Takes a part that lies as workspaces have it, [inputs, columns].</summary>
    /// <param name="source">The part's first element.</param>
    /// <param name="stride">Elements from a row of the source to the next.</param>
    /// <param name="firstInput">Where the part's first row goes.</param>
    /// <param name="rows">Rows of the part.</param>
    /// <param name="firstOutput">Where the part's first column goes.</param>
    /// <param name="columns">Columns of the part.</param>
    public void Set(ushort* source, nint stride, int firstInput, int rows, int firstOutput, int columns)
    {
        for (var column = 0; column < columns;)
        {
            var output = firstOutput + column;
            var lane = output % Columns;
            var count = Math.Min(columns - column, Columns - lane);
            var to = Panel(output / Columns) + ((nint)firstInput * Columns) + lane;
            for (var row = 0; row < rows; row++)
            {
                Check(source + (row * stride) + column, count);
                Unsafe.CopyBlockUnaligned(to + ((nint)row * Columns), source + (row * stride) + column, (uint)count * sizeof(ushort));
            }

            column += count;
        }
    }

    /// <summary>Takes a whole matrix [outputs, inputs], as checkpoints have it.</summary>
    public void SetTransposed(ushort* source)
    {
        Parallel.For(0, PanelCount, panel =>
        {
            var to = Panel(panel);
            for (var lane = 0; lane < Math.Min(Columns, Outputs - (panel * Columns)); lane++)
            {
                var from = source + (((nint)(panel * Columns) + lane) * Inputs);
                Check(from, Inputs);
                for (nint input = 0; input < Inputs; input++)
                {
                    to[(input * Columns) + lane] = from[input];
                }
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Expand(int panel, int firstInput, int count, float* destination)
    {
        var from = Panel(panel) + ((nint)firstInput * Columns);
        for (nint i = 0; i < (nint)count * Columns; i += Float16Lanes.Width)
        {
            T.Load(from + i).Store(destination + i);
        }
    }

    public override void Dispose() => _memory.Dispose();

    internal override void Prepare(float* x, float* prepared) => new ReadOnlySpan<float>(x, Inputs).CopyTo(new Span<float>(prepared, Inputs));

    internal override void MultiplyPanel(int panel, float* x, int rows, float* y, nint yStride, int width)
    {
        switch (width)
        {
            case 512:
                HalfKernel<T, Vectors512, Vector512<float>>.Multiply(Panel(panel), Inputs, x, Inputs, rows, y, yStride);
                break;
            case 256:
                HalfKernel<T, Vectors256, Vector256<float>>.Multiply(Panel(panel), Inputs, x, Inputs, rows, y, yStride);
                break;
            default:
                HalfKernel<T, Vectors128, Vector128<float>>.Multiply(Panel(panel), Inputs, x, Inputs, rows, y, yStride);
                break;
        }
    }

    private void Check(ushort* values, int count)
    {
        if (typeof(T) == typeof(Float16Type) && !FiniteCheck.AllFinite((System.Half*)values, count))
        {
            _finite = false;
        }
    }

    private ushort* Panel(int panel) => (ushort*)_memory.Pointer + ((nint)panel * Inputs * Columns);
}
