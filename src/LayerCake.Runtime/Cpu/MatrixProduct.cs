using System.Runtime.CompilerServices;
using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>
/// y = x · W for rows of activations, panel by panel on all threads, with float32 sums. Every sum is one chain of fused multiply-adds over the inputs in ascending
/// order, so a row's result does not depend on the rows beside it nor on the number of threads.
/// </summary>
internal sealed unsafe class MatrixProduct<T>(WorkerPool workers) : IWork, IDisposable
    where T : struct, IHalfType
{
    // One panel of so many inputs in float32 is 32 KB and stays in the first-level cache.
    private const int DepthBlock = 256;

    // So many rows' activations of one depth block stay in the second-level cache.
    private const int RowBlock = 512;

    private readonly FloatBuffer[] _scratch = [.. Enumerable.Range(0, workers.Count).Select(_ => new FloatBuffer(DepthBlock * PanelProduct.Columns))];
    private WeightMatrix _matrix = null!;
    private float* _x;
    private float* _y;
    private nint _xStride;
    private nint _yStride;
    private int _rows;
    private bool _round;

    /// <param name="x">Rows of the matrix's inputs.</param>
    /// <param name="y">Rows of its outputs, padded to whole panels of 32.</param>
    /// <param name="round">Whether the result is rounded to the model's type; logits are not.</param>
    public void Multiply(WeightMatrix matrix, float* x, nint xStride, int rows, float* y, nint yStride, bool round = true)
    {
        (_matrix, _xStride, _rows, _yStride, _round) = (matrix, xStride, rows, yStride, round);
        _x = x;
        _y = y;
        workers.Run(matrix.PanelCount, this);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int worker)
    {
        var scratch = _scratch[worker].Pointer;
        var y = _y + ((nint)item * PanelProduct.Columns);
        for (var row = 0; row < _rows; row += RowBlock)
        {
            var count = Math.Min(RowBlock, _rows - row);
            for (var depth = 0; depth < _matrix.Inputs; depth += DepthBlock)
            {
                var length = Math.Min(DepthBlock, _matrix.Inputs - depth);
                _matrix.Expand(item, depth, length, scratch);
                PanelProduct.Multiply(
                    _x + (row * _xStride) + depth, _xStride, count, scratch, y + (row * _yStride), _yStride, length, accumulate: depth > 0);
            }
        }

        for (var row = 0; _round && row < _rows; row++)
        {
            Rows<T>.Round(y + (row * _yStride), PanelProduct.Columns);
        }
    }

    public void Dispose()
    {
        foreach (var scratch in _scratch)
        {
            scratch.Dispose();
        }
    }
}
