using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Quantization.Numerics;

/// <summary>Multiplies and divides float16 tensors by float16 factors, each result rounded to float16; an overflow is refused.</summary>
internal static unsafe class Scaling
{
    /// <summary>W[:, c] ← f16(W[:, c] · factors[c]).</summary>
    public static void MultiplyColumns(HalfMatrix matrix, ReadOnlySpan<Half> factors, int threads, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(factors.Length, matrix.Columns);
        var wide = Widen(factors);
        RowBlocks.Run(matrix.Rows, threads, cancellation, (_, begin, end) =>
        {
            fixed (float* factor = wide)
            {
                for (var row = begin; row < end; row++)
                {
                    MultiplyRow(matrix.RowPointer(row), factor, matrix.Columns);
                }
            }

            RequireFinite(matrix, begin, end);
        });
    }

    /// <summary>W[r, :] ← f16(W[r, :] / divisors[r]).</summary>
    public static void DivideRows(HalfMatrix matrix, ReadOnlySpan<Half> divisors, int threads, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(divisors.Length, matrix.Rows);
        var wide = Widen(divisors);
        RowBlocks.Run(matrix.Rows, threads, cancellation, (_, begin, end) =>
        {
            for (var row = begin; row < end; row++)
            {
                DivideRow(matrix.RowPointer(row), wide[row], matrix.Columns);
            }

            RequireFinite(matrix, begin, end);
        });
    }

    /// <summary>v[c] ← f16(v[c] / divisors[c]) for a vector, a matrix of one row.</summary>
    public static void DivideElements(HalfMatrix vector, ReadOnlySpan<Half> divisors)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(divisors.Length, vector.Columns);
        var values = vector.Row(0);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (Half)((float)values[i] / (float)divisors[i]);
        }

        RequireFinite(vector, 0, 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRow(ushort* row, float* factors, int columns)
    {
        var column = 0;
        for (; column <= columns - HalfVectors.Width; column += HalfVectors.Width)
        {
            HalfVectors.Narrow(HalfVectors.Widen(row + column) * Vector512.Load(factors + column), row + column);
        }

        for (; column < columns; column++)
        {
            ((Half*)row)[column] = (Half)((float)((Half*)row)[column] * factors[column]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DivideRow(ushort* row, float divisor, int columns)
    {
        var column = 0;
        for (; column <= columns - HalfVectors.Width; column += HalfVectors.Width)
        {
            HalfVectors.Narrow(HalfVectors.Widen(row + column) / Vector512.Create(divisor), row + column);
        }

        for (; column < columns; column++)
        {
            ((Half*)row)[column] = (Half)((float)((Half*)row)[column] / divisor);
        }
    }

    private static void RequireFinite(HalfMatrix matrix, int begin, int end)
    {
        var index = HalfVectors.IndexOfNonFinite(matrix.RowPointer(begin), (long)(end - begin) * matrix.Columns);
        if (index >= 0)
        {
            var (row, column) = (begin + (index / matrix.Columns), index % matrix.Columns);
            throw new QuantizationException(
                $"Smoothing {matrix.Name} leaves the range of float16 at {Position(matrix, row, column)}: " +
                "the activations of that channel are too large for its weights. Check the calibration statistics, or leave this model unquantized.");
        }
    }

    internal static string Position(HalfMatrix matrix, long row, long column) => matrix.Rows == 1 ? $"[{column}]" : $"[{row}, {column}]";

    private static float[] Widen(ReadOnlySpan<Half> values)
    {
        var wide = new float[values.Length];
        System.Numerics.Tensors.TensorPrimitives.ConvertToSingle(values, wide);
        return wide;
    }
}
