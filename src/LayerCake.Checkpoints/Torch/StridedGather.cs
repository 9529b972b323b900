using System.Buffers;
using System.Runtime.InteropServices;

namespace LayerCake.Checkpoints;

/// <summary>
/// Reads any range of a tensor that does not lie contiguous in its storage (a transposed weight, a slice). The range is cut into boxes; each box is walked in
/// the order of the storage, so that the file is read forward in large windows, and its elements are placed where row-major order wants them.
/// </summary>
internal sealed class StridedGather : IDisposable
{
    private const int WindowByteCount = 4 << 20;

    private readonly InputFile _file;
    private readonly TorchTensor _tensor;
    private readonly int _elementSize;
    private readonly byte[] _window = ArrayPool<byte>.Shared.Rent(WindowByteCount);
    private long _windowStart;
    private int _windowLength;

    private StridedGather(InputFile file, TorchTensor tensor)
    {
        _file = file;
        _tensor = tensor;
        _elementSize = tensor.DType.ByteSize();
    }

    /// <summary>True when the storage holds the tensor's elements in row-major order without gaps.</summary>
    public static bool IsContiguous(TorchTensor tensor)
    {
        var expected = 1L;
        for (var dimension = tensor.Shape.Length - 1; dimension >= 0; dimension--)
        {
            // The stride of a dimension of one element is never walked and may be anything.
            if (tensor.Shape[dimension] != 1 && tensor.Strides[dimension] != expected)
            {
                return false;
            }

            expected *= tensor.Shape[dimension];
        }

        return true;
    }

    /// <summary>Fills <paramref name="destination"/> with the contiguous tensor's bytes from <paramref name="byteOffset"/> on.</summary>
    public static void Read(InputFile file, TorchTensor tensor, long byteOffset, Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            return;
        }

        using var gather = new StridedGather(file, tensor);
        var size = gather._elementSize;
        var (first, skipped) = Math.DivRem(byteOffset, size);
        var end = (byteOffset + destination.Length + size - 1) / size;
        if (skipped == 0 && destination.Length % size == 0)
        {
            gather.Range(dimension: 0, tensor.StorageOffset, first, end, destination);
            return;
        }

        // The range begins or ends inside an element.
        var whole = ArrayPool<byte>.Shared.Rent(checked((int)((end - first) * size)));
        gather.Range(dimension: 0, tensor.StorageOffset, first, end, whole);
        whole.AsSpan((int)skipped, destination.Length).CopyTo(destination);
        ArrayPool<byte>.Shared.Return(whole);
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_window);

    /// <summary>Elements <paramref name="begin"/> to <paramref name="end"/> (row-major) of the sub-tensor of the dimensions from <paramref name="dimension"/> on.</summary>
    private void Range(int dimension, long storageIndex, long begin, long end, Span<byte> destination)
    {
        var inner = 1L;
        for (var other = dimension + 1; other < _tensor.Shape.Length; other++)
        {
            inner *= _tensor.Shape[other];
        }

        var stride = _tensor.Strides[dimension];
        var row = begin / inner;
        if (begin % inner != 0)
        {
            var stop = Math.Min(end, (row + 1) * inner);
            Range(dimension + 1, storageIndex + (row * stride), begin - (row * inner), stop - (row * inner), destination);
            destination = destination[(int)((stop - begin) * _elementSize)..];
            begin = stop;
            row++;
        }

        var rows = (end - begin) / inner;
        if (rows > 0)
        {
            Box(dimension, rows, storageIndex + (row * stride), destination);
            destination = destination[(int)(rows * inner * _elementSize)..];
            begin += rows * inner;
            row += rows;
        }

        if (begin < end)
        {
            Range(dimension + 1, storageIndex + (row * stride), 0, end - begin, destination);
        }
    }

    private void Box(int dimension, long rows, long storageIndex, Span<byte> destination)
    {
        var axes = new List<Axis>();
        var target = 1L;
        for (var other = _tensor.Shape.Length - 1; other >= dimension; other--)
        {
            var count = other == dimension ? rows : _tensor.Shape[other];
            if (count > 1)
            {
                axes.Add(new Axis(count, _tensor.Strides[other], target));
            }

            target *= count;
        }

        // Widest stride outermost: the walk goes forward through the storage.
        axes.Sort((left, right) => right.Stride.CompareTo(left.Stride));
        Walk(CollectionsMarshal.AsSpan(axes), storageIndex, 0, destination);
    }

    private void Walk(ReadOnlySpan<Axis> axes, long storageIndex, long target, Span<byte> destination)
    {
        if (axes.Length > 1)
        {
            for (var index = 0L; index < axes[0].Count; index++)
            {
                Walk(axes[1..], storageIndex + (index * axes[0].Stride), target + (index * axes[0].Target), destination);
            }

            return;
        }

        var axis = axes.IsEmpty ? new Axis(1, 1, 1) : axes[0];
        var atOnce = Math.Max(1, WindowByteCount / _elementSize / Math.Max(1, axis.Stride));
        for (var index = 0L; index < axis.Count; index += atOnce)
        {
            var count = Math.Min(atOnce, axis.Count - index);
            var source = Storage(storageIndex + (index * axis.Stride), ((count - 1) * axis.Stride) + 1);
            Place(source, axis.Stride, destination, target + (index * axis.Target), axis.Target, (int)count);
        }
    }

    /// <summary>The bytes of consecutive elements of the storage, read ahead as far as the window goes.</summary>
    private ReadOnlySpan<byte> Storage(long index, long count)
    {
        long start = index * _elementSize, length = count * _elementSize;
        if (start < _windowStart || start + length > _windowStart + _windowLength)
        {
            _windowStart = start;
            _windowLength = (int)Math.Min(WindowByteCount, (_tensor.Storage.ElementCount * _elementSize) - start);
            _file.ReadExactly(_tensor.Storage.FileOffset + start, _window.AsSpan(0, _windowLength));
        }

        return _window.AsSpan((int)(start - _windowStart), (int)length);
    }

    private void Place(ReadOnlySpan<byte> source, long sourceStride, Span<byte> destination, long target, long targetStride, int count)
    {
        switch (_elementSize)
        {
            case 1:
                Place<byte>(source, sourceStride, destination, target, targetStride, count);
                break;
            case 2:
                Place<ushort>(source, sourceStride, destination, target, targetStride, count);
                break;
            case 4:
                Place<uint>(source, sourceStride, destination, target, targetStride, count);
                break;
            default:
                Place<ulong>(source, sourceStride, destination, target, targetStride, count);
                break;
        }
    }

    private static void Place<T>(ReadOnlySpan<byte> source, long sourceStride, Span<byte> destination, long target, long targetStride, int count)
        where T : unmanaged
    {
        var from = MemoryMarshal.Cast<byte, T>(source);
        var to = MemoryMarshal.Cast<byte, T>(destination)[(int)target..];
        for (var index = 0; index < count; index++)
        {
            to[(int)(index * targetStride)] = from[(int)(index * sourceStride)];
        }
    }

    /// <param name="Count">Elements along the axis.</param>
    /// <param name="Stride">Storage elements from one to the next.</param>
    /// <param name="Target">Destination elements from one to the next.</param>
    private readonly record struct Axis(long Count, long Stride, long Target);
}
