using System.Collections.Immutable;

namespace LayerCake.Checkpoints;

/// <summary>What a header says about one tensor: no weight bytes are read to make it.</summary>
/// <param name="Name">The tensor's name, unique in its source.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Dimensions, outermost first; empty for a scalar.</param>
/// <param name="ByteCount">Bytes of the contiguous tensor: elements × element size.</param>
public sealed record TensorInfo(string Name, DType DType, ImmutableArray<long> Shape, long ByteCount)
{
    /// <summary>Product of the dimensions, 1 for a scalar.</summary>
    public long ElementCount => Shape.Aggregate(1L, (count, dimension) => checked(count * dimension));

    /// <summary>A tensor whose byte count follows from its shape.</summary>
    /// <exception cref="CheckpointException">A dimension is negative or the size does not fit 63 bits.</exception>
    public static TensorInfo Of(string name, DType dtype, params ReadOnlySpan<long> shape) =>
        TryCountBytes(dtype, shape, out var byteCount)
            ? new TensorInfo(name, dtype, [.. shape], byteCount)
            : throw new CheckpointException(
                $"Tensor '{name}': {dtype.SafetensorsName()} of shape [{ShapeText(shape)}] has no addressable size. Dimensions must be 0 or more.");

    /// <summary>Shapes are compared by value.</summary>
    public bool Equals(TensorInfo? other) =>
        other is not null && Name == other.Name && DType == other.DType && ByteCount == other.ByteCount && Shape.AsSpan().SequenceEqual(other.Shape.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Name, DType, ByteCount, Shape.Length);

    public override string ToString() => $"{Name}: {DType.SafetensorsName()} [{ShapeText(Shape.AsSpan())}], {ByteCount} bytes";

    internal static bool TryCountBytes(DType dtype, ReadOnlySpan<long> shape, out long byteCount)
    {
        byteCount = 0;
        var elements = (Int128)1;
        foreach (var dimension in shape)
        {
            // Each factor and product stays below 2^63, so the 128-bit product cannot overflow.
            if (dimension < 0 || (elements *= dimension) > long.MaxValue)
            {
                return false;
            }
        }

        var bits = elements * dtype.BitSize();
        if (bits % 8 != 0 || bits / 8 > long.MaxValue)
        {
            return false;
        }

        byteCount = (long)(bits / 8);
        return true;
    }

    internal static string ShapeText(ReadOnlySpan<long> shape) => string.Join(", ", shape.ToArray());
}
