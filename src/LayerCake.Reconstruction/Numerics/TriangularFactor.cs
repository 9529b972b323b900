using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction;

/// <summary>
/// H = U D Uᵀ with U unit upper triangular: in this form error compensation needs no inverse. Computed in float64 from the last column on; damping is raised
/// until the factor exists.
/// </summary>
internal sealed unsafe class TriangularFactor : IDisposable
{
    private const int Block = 64;
    private const int MostAttempts = 12;

    private readonly FloatBuffer _feedback;

    private TriangularFactor(int size)
    {
        Size = size;
        _feedback = new FloatBuffer((long)size * size);
        Pivots = new float[size];
    }

    public int Size { get; }

    /// <summary>D: what an error of one in a column costs once the columns after it have made up for it.</summary>
    public float[] Pivots { get; }

    /// <summary>What was added to the diagonal.</summary>
    public double Damping { get; private set; }

    /// <summary>Row j of Uᵀ: how errors of columns 0 to j − 1 move the target of column j; zero from j on.</summary>
    public float* FeedbackRow(int column) => _feedback.Pointer + ((long)column * Size);

    /// <summary>Factors H + damping · mean(diagonal) · I. Channels that never carry anything get a diagonal of one mean, so that they cost something and disturb nobody.</summary>
    /// <param name="h">[size, size], symmetric; not changed but for dead channels' diagonal and the damping.</param>
    public static TriangularFactor Of(float* h, nint stride, int size, double damping, ParallelOptions options)
    {
        var mean = 0.0;
        var alive = 0;
        for (var i = 0; i < size; i++)
        {
            var value = h[(i * stride) + i];
            if (float.IsFinite(value) && value > 0)
            {
                mean += value;
                alive++;
            }
        }

        mean = alive > 0 ? mean / alive : 1;
        var factor = new TriangularFactor(size);
        var lower = (double*)NativeMemory.AlignedAlloc((nuint)((long)size * size * sizeof(double)), 64);
        try
        {
            for (var attempt = 0; attempt < MostAttempts; attempt++, damping = Math.Max(damping * 4, 1e-4))
            {
                if (factor.TryFactor(h, stride, lower, damping * mean, mean, options))
                {
                    factor.Damping = damping * mean;
                    for (var i = 0; i < size; i++)
                    {
                        ref var diagonal = ref h[(i * stride) + i];
                        diagonal = (float)((diagonal > 0 ? diagonal : mean) + factor.Damping);
                    }

                    return factor;
                }
            }

            throw new InvalidOperationException("A damped matrix of second moments has no factor; its entries are not finite.");
        }
        catch
        {
            factor.Dispose();
            throw;
        }
        finally
        {
            NativeMemory.AlignedFree(lower);
        }
    }

    public void Dispose() => _feedback.Dispose();

    /// <summary>Cholesky of the matrix with rows and columns reversed, block column by block column; each row of one is a task of its own.</summary>
    private bool TryFactor(float* h, nint stride, double* lower, double damping, double dead, ParallelOptions options)
    {
        var n = Size;
        for (var begin = 0; begin < n; begin += Block)
        {
            var end = Math.Min(begin + Block, n);
            var first = begin;
            Parallel.For(begin, n, options, i =>
            {
                var row = lower + ((long)i * n);
                var source = h + ((n - 1 - i) * stride);
                for (var j = first; j < Math.Min(end, i + 1); j++)
                {
                    var value = (double)source[n - 1 - j];
                    if (i == j)
                    {
                        value = (value > 0 ? value : dead) + damping;
                    }

                    row[j] = value - Dot(row, lower + ((long)j * n), first);
                }
            });

            for (var j = begin; j < end; j++)
            {
                var row = lower + ((long)j * n);
                for (var k = begin; k < j; k++)
                {
                    row[k] = (row[k] - Dot(row + begin, lower + ((long)k * n) + begin, k - begin)) / lower[((long)k * n) + k];
                }

                var pivot = row[j] - Dot(row + begin, row + begin, j - begin);
                if (!(pivot > damping * 1e-3) || !double.IsFinite(pivot))
                {
                    return false;
                }

                row[j] = Math.Sqrt(pivot);
            }

            Parallel.For(end, n, options, i =>
            {
                var row = lower + ((long)i * n);
                for (var k = first; k < end; k++)
                {
                    row[k] = (row[k] - Dot(row + first, lower + ((long)k * n) + first, k - first)) / lower[((long)k * n) + k];
                }
            });
        }

        Parallel.For(0, n, options, column =>
        {
            // Uᵀ[j][i] = L[n−1−i][n−1−j] / L[n−1−j][n−1−j].
            var k = n - 1 - column;
            var pivot = lower[((long)k * n) + k];
            Pivots[column] = (float)(pivot * pivot);
            var to = FeedbackRow(column);
            for (var i = 0; i < column; i++)
            {
                to[i] = (float)(lower[((long)(n - 1 - i) * n) + k] / pivot);
            }
        });
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Dot(double* a, double* b, int count)
    {
        var sum0 = Vector256<double>.Zero;
        var sum1 = Vector256<double>.Zero;
        var i = 0;
        for (; i <= count - 8; i += 8)
        {
            sum0 = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sum0);
            sum1 = Vector256.FusedMultiplyAdd(Vector256.Load(a + i + 4), Vector256.Load(b + i + 4), sum1);
        }

        var sum = sum0 + sum1;
        var total = (sum[0] + sum[2]) + (sum[1] + sum[3]);
        for (; i < count; i++)
        {
            total = Math.FusedMultiplyAdd(a[i], b[i], total);
        }

        return total;
    }
}
