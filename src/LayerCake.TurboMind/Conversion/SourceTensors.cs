using System.Runtime.InteropServices;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>Reads ranges of a checkpoint's tensors, cast to a workspace's 16-bit type on the way.</summary>
internal sealed unsafe class SourceTensors(ITensorSource source)
{
    /// <summary>The slot of <see cref="BlockBuffers"/> that reading uses; callers number theirs from <see cref="FirstFreeSlot"/>.</summary>
    public const int FirstFreeSlot = 1;

    private const int StepElements = 1 << 18;

    public string Path => source.Path;

    /// <summary>A tensor whose presence was checked when the plan was made.</summary>
    public TensorInfo Get(string name) => source.TryFind(name, out var tensor)
        ? tensor
        : throw new WorkspaceException($"{source.Path} has no tensor {name}");

    public void ReadBytes(TensorInfo tensor, long offset, byte* destination, long byteCount)
    {
        for (long done = 0; done < byteCount;)
        {
            var step = (int)Math.Min(byteCount - done, 1 << 30);
            source.Read(tensor.Name, offset + done, new Span<byte>(destination + done, step));
            done += step;
        }
    }

    /// <summary>Reads elements of a float16, bfloat16 or float32 tensor as patterns of <paramref name="target"/> (F16 or BF16).</summary>
    public void ReadHalves(TensorInfo tensor, long firstElement, ushort* destination, long count, DType target, BlockBuffers buffers)
    {
        var size = HalfElements.ByteSize(tensor.DType);
        if (tensor.DType == target)
        {
            ReadBytes(tensor, firstElement * size, (byte*)destination, count * size);
            return;
        }

        var scratch = new Span<float>(buffers.Get(0, StepElements * sizeof(float)), StepElements);
        for (long done = 0; done < count; done += StepElements)
        {
            var elements = (int)Math.Min(count - done, StepElements);
            var halves = new Span<ushort>(destination + done, elements);
            if (tensor.DType == DType.F32)
            {
                var step = scratch[..elements];
                source.Read(tensor.Name, (firstElement + done) * size, MemoryMarshal.AsBytes(step));
                HalfElements.Convert(step, halves, target);
            }
            else
            {
                source.Read(tensor.Name, (firstElement + done) * size, MemoryMarshal.AsBytes(halves));
                HalfElements.ConvertInPlace(halves, tensor.DType, target, scratch);
            }
        }
    }
}
