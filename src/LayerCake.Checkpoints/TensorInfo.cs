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
}
