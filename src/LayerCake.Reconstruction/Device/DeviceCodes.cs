using LayerCake.Quantization.Int4;
using LayerCake.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>An int4 weight as tensors on a device: what <see cref="Int4Panels"/> is on the processor. Owns them.</summary>
internal sealed unsafe class DeviceCodes : IDisposable
{
    private DeviceCodes(Tensor codes, Tensor scales, Tensor zeros) => (Codes, Scales, Zeros) = (codes, scales, zeros);

    /// <summary>[outputs, inputs], bytes from 0 to 15.</summary>
    public Tensor Codes { get; }

    /// <summary>[outputs, groups], float32 holding float16 values, not negative.</summary>
    public Tensor Scales { get; }

    /// <summary>[outputs, groups], float32 holding whole numbers from 0 to 15.</summary>
    public Tensor Zeros { get; }

    public long Outputs => Codes.shape[0];

    public long Inputs => Codes.shape[1];

    public long Groups => Scales.shape[1];

    public int GroupSize => (int)(Inputs / Groups);

    public static DeviceCodes Empty(long outputs, long inputs, int groupSize, Device device) => new(
        torch.zeros([outputs, inputs], ScalarType.Byte, device).DetachFromDisposeScope(),
        torch.zeros([outputs, inputs / groupSize], ScalarType.Float32, device).DetachFromDisposeScope(),
        torch.zeros([outputs, inputs / groupSize], ScalarType.Float32, device).DetachFromDisposeScope());

    /// <summary>A copy of the processor's, on a device.</summary>
    public static DeviceCodes Of(Int4Panels panels, Device device)
    {
        using var scope = NewDisposeScope();
        var (outputs, inputs, groups) = (panels.Outputs, panels.Inputs, panels.Groups);
        var codes = new byte[(long)outputs * inputs];
        var scales = new float[outputs * groups];
        var zeros = new float[outputs * groups];
        for (var output = 0; output < outputs; output++)
        {
            for (var group = 0; group < groups; group++)
            {
                (scales[(output * groups) + group], zeros[(output * groups) + group]) = (panels.Scale(output, group), panels.Zero(output, group));
            }

            for (var input = 0; input < inputs; input++)
            {
                codes[((long)output * inputs) + input] = (byte)panels.Code(output, input);
            }
        }

        return new DeviceCodes(
            tensor(codes, ScalarType.Byte).view(outputs, inputs).to(device).DetachFromDisposeScope(),
            tensor(scales, ScalarType.Float32).view(outputs, groups).to(device).DetachFromDisposeScope(),
            tensor(zeros, ScalarType.Float32).view(outputs, groups).to(device).DetachFromDisposeScope());
    }

    public DeviceCodes Copy() => Rows(0, Outputs);

    /// <summary>A copy of some of the outputs.</summary>
    public DeviceCodes Rows(long first, long count)
    {
        return new DeviceCodes(Part(Codes), Part(Scales), Part(Zeros));

        Tensor Part(Tensor all)
        {
            using var part = all.narrow(0, first, count);
            return part.clone().DetachFromDisposeScope();
        }
    }

    /// <summary>(code − zero) · scale of some of the outputs, [count, inputs], float32; the caller's scope owns it.</summary>
    public Tensor Values(long first, long count)
    {
        using var scope = NewDisposeScope();
        var values = Codes.narrow(0, first, count).to(ScalarType.Float32).view(count, Groups, GroupSize);
        values.sub_(Zeros.narrow(0, first, count).unsqueeze(2)).mul_(Scales.narrow(0, first, count).unsqueeze(2));
        return values.view(count, Inputs).MoveToOuterDisposeScope();
    }

    /// <summary>The float16 values that the codes stand for, [outputs, inputs]; the caller's scope owns them.</summary>
    public Tensor Dequantize()
    {
        using var scope = NewDisposeScope();
        return Values(0, Outputs).to(ScalarType.Float16).MoveToOuterDisposeScope();
    }

    /// <summary>Writes AWQ's arrangement into the processor's memory; the words are made on the device.</summary>
    public void Pack(PackedLinear packed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Outputs, Outputs);
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Inputs, Inputs);
        using var scope = NewDisposeScope();
        Copy(Words(Codes), packed.Weights);
        Copy(Words(Zeros), packed.Zeros);
        Copy(Scales.t().contiguous(), packed.Scales);
    }

    public void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
        Zeros.Dispose();
    }

    /// <summary>[outputs, n] of whole numbers to [n, outputs / 8] of words.</summary>
    private static Tensor Words(Tensor values)
    {
        using var scope = NewDisposeScope();
        var turned = values.t().contiguous().view(values.shape[1], values.shape[0] / 8, 8);
        var words = torch.zeros([values.shape[1], values.shape[0] / 8], ScalarType.Int64, values.device);
        for (var lane = 0; lane < 8; lane++)
        {
            // Nothing overlaps, so a sum is the same as or.
            words.add_(turned.select(2, lane).to(ScalarType.Int64).mul_(1L << PackedLinear.BitOffsets[lane]));
        }

        // The upper half as a negative number, so that the conversion to 32 bits is exact.
        return where(words.gt(int.MaxValue), words - (1L << 32), words).to(ScalarType.Int32).MoveToOuterDisposeScope();
    }

    private static void Copy(Tensor from, void* to)
    {
        using var host = from.cpu();
        var bytes = host.NumberOfElements * sizeof(int);
        Buffer.MemoryCopy((void*)TensorLoading.NativeMemoryOf(host), to, bytes, bytes);
    }
}
