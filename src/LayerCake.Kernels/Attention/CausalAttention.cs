using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// Attention of one sample with itself, every position seeing itself and those before, as the eager float16 code computes it: scores rounded, divided by √d and
/// rounded; softmax in float32, rounded; weights times values with float32 sums, rounded. Only what the mask leaves is computed:
/// masked scores of −65504 have a weight of exactly 0.
/// </summary>
public sealed unsafe class CausalAttention
{
    private const int RowBlock = 32;

    private readonly int _length;
    private readonly int _dimension;
    private readonly int _paddedLength;
    private readonly int _paddedDimension;
    private readonly float _scale;
    private readonly float* _keys;
    private readonly float* _values;
    private readonly float* _scores;
    private readonly float* _result;

    /// <param name="memory"><see cref="MemoryFor"/> floats, owned by the caller.</param>
    public CausalAttention(int length, int headDimension, float* memory)
    {
        _length = length;
        _dimension = headDimension;
        _paddedLength = Pad(length);
        _paddedDimension = Pad(headDimension);
        _scale = 1f / (float)Math.Sqrt(headDimension);
        _keys = memory;
        _values = _keys + ((long)_paddedLength * headDimension);
        _scores = _values + ((long)_paddedDimension * length);
        _result = _scores + ((long)RowBlock * _paddedLength);
    }

    /// <summary>Floats of working memory: panels of one head's keys and values, a block of scores, a block of results.</summary>
    public static long MemoryFor(int length, int headDimension) =>
        ((long)Pad(length) * headDimension) + ((long)Pad(headDimension) * length) + ((long)RowBlock * (Pad(length) + Pad(headDimension)));

    /// <param name="queries">Rows of all query heads, after rotary embedding; overwritten by the result.</param>
    /// <param name="keys">Rows of all KV heads, after rotary embedding; each serves <paramref name="heads"/> / <paramref name="keyValueHeads"/> query heads in a row.</param>
    public void Run(float* queries, nint queryStride, int heads, float* keys, float* values, nint keyValueStride, int keyValueHeads)
    {
        var group = heads / keyValueHeads;
        for (var keyValueHead = 0; keyValueHead < keyValueHeads; keyValueHead++)
        {
            PackKeys(keys + (keyValueHead * _dimension), keyValueStride);
            PackValues(values + (keyValueHead * _dimension), keyValueStride);
            for (var head = keyValueHead * group; head < (keyValueHead + 1) * group; head++)
            {
                for (var row = 0; row < _length; row += RowBlock)
                {
                    Block(queries + (row * queryStride) + (head * _dimension), queryStride, row, Math.Min(RowBlock, _length - row));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Block(float* queries, nint stride, int firstRow, int rows)
    {
        var seen = firstRow + rows;
        for (var column = 0; column < seen; column += PanelProduct.Columns)
        {
            PanelProduct.Multiply(queries, stride, rows, _keys + ((long)column * _dimension), _scores + column, _paddedLength, _dimension, accumulate: false);
        }

        for (var row = 0; row < rows; row++)
        {
            Softmax(_scores + ((long)row * _paddedLength), firstRow + row + 1, Pad(seen));
        }

        for (var depth = 0; depth < seen; depth += PackedMatrix.DepthBlock)
        {
            var length = Math.Min(PackedMatrix.DepthBlock, seen - depth);
            for (var column = 0; column < _paddedDimension; column += PanelProduct.Columns)
            {
                var panel = _values + ((long)column * _length) + ((long)depth * PanelProduct.Columns);
                PanelProduct.Multiply(_scores + depth, _paddedLength, rows, panel, _result + column, _paddedDimension, length, accumulate: depth > 0);
            }
        }

        for (var row = 0; row < rows; row++)
        {
            Deliver(_result + ((long)row * _paddedDimension), queries + (row * stride));
        }
    }

    /// <summary>Turns the first <paramref name="count"/> scores of a row into weights and the rest, up to <paramref name="padded"/>, into zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Softmax(float* row, int count, int padded)
    {
        // What lies beyond the row's own position must not count: minus infinity becomes exp(…) = 0 below.
        var whole = count - (count % Float16Lanes.Width);
        var hidden = Vector512.Create(float.NegativeInfinity);
        var scale = Vector512.Create(_scale);
        var most = hidden;
        for (var i = 0; i < padded; i += Float16Lanes.Width)
        {
            var score = Float16Lanes.Round(Float16Lanes.Round(Vector512.Load(row + i)) * scale);
            if (i >= whole)
            {
                score = Vector512.ConditionalSelect(Visible(count - i), score, hidden);
            }

            most = Vector512.MaxNative(most, score);
            score.Store(row + i);
        }

        var top = Vector512.Create(Float16Lanes.Max(most));
        var sums = Vector512<float>.Zero;
        for (var i = 0; i < padded; i += Float16Lanes.Width)
        {
            var weight = Exponential.Of(Vector512.Load(row + i) - top);
            if (i >= whole)
            {
                weight = Vector512.ConditionalSelect(Visible(count - i), weight, Vector512<float>.Zero);
            }

            sums += weight;
            weight.Store(row + i);
        }

        var total = Vector512.Create(Float16Lanes.Sum(sums));
        for (var i = 0; i < padded; i += Float16Lanes.Width)
        {
            Float16Lanes.Round(Vector512.Load(row + i) / total).Store(row + i);
        }
    }

    /// <summary>All bits set in the first <paramref name="count"/> lanes.</summary>
    private static Vector512<float> Visible(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Deliver(float* result, float* queries)
    {
        var i = 0;
        for (; i <= _dimension - Float16Lanes.Width; i += Float16Lanes.Width)
        {
            Float16Lanes.Round(Vector512.Load(result + i)).Store(queries + i);
        }

        for (; i < _dimension; i++)
        {
            queries[i] = Float16Lanes.Round(result[i]);
        }
    }

    /// <summary>[position][d] to panels of 32 positions, [panel][d][32]; positions beyond the end are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackKeys(float* keys, nint stride)
    {
        for (var position = 0; position < _paddedLength; position++)
        {
            var to = _keys + ((long)(position / PanelProduct.Columns) * _dimension * PanelProduct.Columns) + (position % PanelProduct.Columns);
            if (position < _length)
            {
                var from = keys + (position * stride);
                for (var i = 0; i < _dimension; i++)
                {
                    to[i * PanelProduct.Columns] = from[i];
                }
            }
            else
            {
                for (var i = 0; i < _dimension; i++)
                {
                    to[i * PanelProduct.Columns] = 0;
                }
            }
        }
    }

    /// <summary>[position][d] to panels of 32 channels, [panel][position][32]; channels beyond the end are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackValues(float* values, nint stride)
    {
        for (var column = 0; column < _paddedDimension; column += PanelProduct.Columns)
        {
            var to = _values + ((long)column * _length);
            var count = Math.Min(PanelProduct.Columns, _dimension - column);
            for (var position = 0; position < _length; position++, to += PanelProduct.Columns)
            {
                var target = new Span<float>(to, PanelProduct.Columns);
                new Span<float>(values + (position * stride) + column, count).CopyTo(target);
                target[count..].Clear();
            }
        }
    }

    private static int Pad(int count) => (int)PanelProduct.Stride(count);
}
