using System.Buffers;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Models;

namespace LayerCake.Torch.Layers;

/// <summary>
/// Reads weights as float16 into memory of our own; bfloat16 and float32 are rounded to nearest, ties to even, as the original's loading does. Loads no libtorch: what
/// computes on the processor starts without it.
/// </summary>
internal static unsafe class HalfTensors
{
    /// <summary>Values read at a time: enough for the disk, little enough to be looked at while in the cache.</summary>
    public const int PieceLength = 2 << 20;

    /// <summary>A whole tensor of the expected shape, without infinities or NaN.</summary>
    /// <exception cref="CheckpointException">The tensor is absent or cannot be read.</exception>
    /// <exception cref="ModelException">A value is not finite in float16, or the tensor has another shape or a dtype that is no weight's.</exception>
    public static NativeBuffer Load(ITensorSource source, string name, params ReadOnlySpan<long> shape)
    {
        var tensor = source.Find(name);
        if (!tensor.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new ModelException(
                $"{source.Path}: tensor {name} has the shape [{string.Join(", ", tensor.Shape)}], but by config.json it must be [{string.Join(", ", shape.ToArray())}].");
        }

        var memory = new NativeBuffer(tensor.ElementCount * sizeof(ushort));
        try
        {
            for (long first = 0; first < tensor.ElementCount; first += PieceLength)
            {
                Read(source, tensor, first, MemoryMarshal.Cast<byte, Half>(
                    memory.Span(first * sizeof(ushort), (int)Math.Min(PieceLength, tensor.ElementCount - first) * sizeof(ushort))));
            }

            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>A part of a tensor.</summary>
    /// <param name="source">The checkpoint.</param>
    /// <param name="tensor">A tensor of it.</param>
    /// <param name="first">Where the part begins, in values.</param>
    /// <param name="to">As many values as are read.</param>
    /// <exception cref="CheckpointException">It cannot be read.</exception>
    /// <exception cref="ModelException">A value is not finite in float16, or the dtype is none of F16, BF16 and F32.</exception>
    public static void Read(ITensorSource source, TensorInfo tensor, long first, Span<Half> to)
    {
        if (tensor.DType == DType.F16)
        {
            source.Read(tensor.Name, first * sizeof(ushort), MemoryMarshal.AsBytes(to));
        }
        else if (tensor.DType is DType.BF16 or DType.F32)
        {
            var size = tensor.DType.ByteSize();
            var buffer = ArrayPool<byte>.Shared.Rent(to.Length * size);
            var bytes = buffer.AsSpan(0, to.Length * size);
            source.Read(tensor.Name, first * size, bytes);
            Round(bytes, tensor.DType, to);
            ArrayPool<byte>.Shared.Return(buffer);
        }
        else
        {
            throw new ModelException($"{source.Path}: {tensor.Name} has the dtype {tensor.DType}; supported are F16, BF16 and F32.");
        }

        bool isFinite;
        fixed (Half* values = to)
        {
            isFinite = FiniteCheck.AllFinite(values, to.Length);
        }

        if (!isFinite)
        {
            throw LayerWeights.NotFinite(source, tensor.Name);
        }
    }

    private static void Round(ReadOnlySpan<byte> bytes, DType dtype, Span<Half> to)
    {
        fixed (byte* from = bytes)
        fixed (Half* values = to)
        {
            if (dtype == DType.BF16)
            {
                Float16Lanes.RoundBFloat16((ushort*)from, values, to.Length);
            }
            else
            {
                Float16Lanes.RoundSingle((float*)from, values, to.Length);
            }
        }
    }
}
