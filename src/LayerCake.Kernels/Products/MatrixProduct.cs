using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// y = x · W for rows of activations, panel by panel on all threads, with float32 sums and one rounding to <typeparamref name="T"/>. Up to eight rows read the weights as they
/// lie, at the speed of memory; more rows expand them to float32, a cache's worth at a time. Every sum is one chain of fused multiply-adds over the inputs in ascending
/// order, so a row's result does not depend on the rows beside it, the vector width or the number of threads. One caller at a time.
/// </summary>
public sealed unsafe class MatrixProduct<T>(WorkerPool workers) : IWork, IDisposable
    where T : struct, IHalfType
{
    /// <summary>Most rows that read packed weights directly: from here on expanding them once costs less.</summary>
    public const int FewRows = 8;

    // One panel of so many inputs in float32 is 32 KB and stays in the first-level cache.
    private const int DepthBlock = 256;

    // So many rows' activations of one depth block stay in the second-level cache.
    private const int RowBlock = 512;

    private readonly FloatBuffer?[] _scratch = new FloatBuffer?[workers.Count];
    private FloatBuffer? _prepared;
    private WeightMatrix _matrix = null!;
    private float* _x;
    private float* _y;
    private nint _xStride;
    private nint _yStride;
    private int _rows;
    private bool _packed;
    private bool _round;

    /// <summary>The lanes of few rows' products in bits; tests try them all.</summary>
    internal int Width { get; init; } = WeightMatrix.BestWidth;

    /// <param name="x">Rows of the matrix's inputs.</param>
    /// <param name="y">Rows of its outputs, padded to whole panels of 32.</param>
    /// <param name="round">Whether the result is rounded to the model's type; logits are not.</param>
    public void Multiply(WeightMatrix matrix, float* x, nint xStride, int rows, float* y, nint yStride, bool round = true)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        (_matrix, _rows, _xStride, _yStride, _round) = (matrix, rows, xStride, yStride, round);
        _x = x;
        _y = y;
        _packed = rows <= FewRows && matrix.CanBeReadPacked;
        if (_packed)
        {
            Prepare();
        }

        workers.Run(matrix.PanelCount, this);
    }

    void IWork.Run(int item, int worker)
    {
        var y = _y + ((nint)item * WeightMatrix.Columns);
        if (_packed)
        {
            _matrix.MultiplyPanel(item, _x, _rows, y, _yStride, Width);
        }
        else
        {
            MultiplyExpanded(item, (_scratch[worker] ??= new FloatBuffer(DepthBlock * WeightMatrix.Columns)).Pointer, y);
        }

        if (_round)
        {
            Round(y);
        }
    }

    public void Dispose()
    {
        foreach (var scratch in _scratch)
        {
            scratch?.Dispose();
        }

        _prepared?.Dispose();
    }

    private void Prepare()
    {
        var inputs = (nint)_matrix.Inputs;
        if (_prepared is null || _prepared.Count < _rows * inputs)
        {
            _prepared?.Dispose();
            _prepared = new FloatBuffer(_rows * inputs);
        }

        for (var row = 0; row < _rows; row++)
        {
            _matrix.Prepare(_x + (row * _xStride), _prepared.Pointer + (row * inputs));
        }

        _x = _prepared.Pointer;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyExpanded(int panel, float* scratch, float* y)
    {
        for (var row = 0; row < _rows; row += RowBlock)
        {
            var count = Math.Min(RowBlock, _rows - row);
            for (var depth = 0; depth < _matrix.Inputs; depth += DepthBlock)
            {
                var length = Math.Min(DepthBlock, _matrix.Inputs - depth);
                _matrix.Expand(panel, depth, length, scratch);
                PanelProduct.Multiply(
                    _x + (row * _xStride) + depth, _xStride, count, scratch, y + (row * _yStride), _yStride, length, accumulate: depth > 0);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Round(float* y)
    {
        for (var row = 0; row < _rows; row++, y += _yStride)
        {
            T.Round(Vector512.Load(y)).Store(y);
            T.Round(Vector512.Load(y + Float16Lanes.Width)).Store(y + Float16Lanes.Width);
        }
    }
}
