using System.Collections.Immutable;
using LayerCake.Checkpoints;

namespace LayerCake.Reporting;

/// <summary>A tensor whose bytes are read when they are asked for. Safe for concurrent reads.</summary>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Dimensions, outermost first.</param>
/// <param name="ByteCount">Bytes, little-endian and row-major.</param>
internal abstract record TensorContent(DType DType, ImmutableArray<long> Shape, long ByteCount)
{
    public string ShapeText => $"{DType.SafetensorsName()} [{string.Join(", ", Shape)}]";

    /// <summary>The file that holds nothing else, full path; null where a file holds several tensors.</summary>
    public virtual string? OwnFile => null;

    /// <summary>Elements; whatever the type, a byte count of the shape was checked before.</summary>
    public long ElementCount => Shape.Aggregate(1L, (count, dimension) => count * dimension);

    public abstract void Read(long offset, Span<byte> destination);

    public bool HasShapeOf(TensorContent other) => Shape.AsSpan().SequenceEqual(other.Shape.AsSpan());
}

/// <summary>A weight file of a workspace: one tensor, no header.</summary>
internal sealed record FileTensor(string Path, DType DType, ImmutableArray<long> Shape, long ByteCount) : TensorContent(DType, Shape, ByteCount)
{
    public override string? OwnFile => Path;

    public override void Read(long offset, Span<byte> destination)
    {
        try
        {
            using var handle = File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            while (destination.Length > 0)
            {
                var count = RandomAccess.Read(handle, destination, offset);
                if (count == 0)
                {
                    throw new ReportingException($"{Path} became shorter while it was compared; compare again when nothing writes to it");
                }

                destination = destination[count..];
                offset += count;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ReportingException($"{Path} cannot be read: {exception.Message.TrimEnd('.')}", exception);
        }
    }
}

/// <summary>A tensor of a checkpoint file.</summary>
internal sealed record SourceTensor(ITensorSource Source, TensorInfo Info) : TensorContent(Info.DType, Info.Shape, Info.ByteCount)
{
    public override void Read(long offset, Span<byte> destination) => Source.Read(Info.Name, offset, destination);
}
