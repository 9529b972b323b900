using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>16-bit weights, [panel][input][32].</summary>
internal sealed unsafe class HalfMatrix<T> : WeightMatrix
    where T : struct, IHalfType
{
    private const int Columns = PanelProduct.Columns;

    private readonly NativeBuffer _memory;

    public HalfMatrix(int inputs, int outputs)
        : base(inputs, outputs)
    {
        _memory = new NativeBuffer((long)PanelCount * inputs * Columns * sizeof(ushort));
        if (outputs % Columns != 0)
        {
            new Span<byte>(Panel(PanelCount - 1), inputs * Columns * sizeof(ushort)).Clear();
        }
    }

    public override long ByteCount => _memory.ByteCount;

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
                Unsafe.CopyBlockUnaligned(to + ((nint)row * Columns), source + (row * stride) + column, (uint)count * sizeof(ushort));
            }

            column += count;
        }
    }

    /// <summary>Takes rows of a matrix [outputs, inputs]: the head.</summary>
    public void SetTransposed(ushort* source)
    {
        Parallel.For(0, PanelCount, panel =>
        {
            var to = Panel(panel);
            for (var lane = 0; lane < Math.Min(Columns, Outputs - (panel * Columns)); lane++)
            {
                var from = source + (((nint)(panel * Columns) + lane) * Inputs);
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

    private ushort* Panel(int panel) => (ushort*)_memory.Pointer + ((nint)panel * Inputs * Columns);
}
