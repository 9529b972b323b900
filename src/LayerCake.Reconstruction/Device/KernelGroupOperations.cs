using LayerCake.Torch;
using LayerCake.Torch.Cuda;
using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>The kernels of <c>SolverKernels.cu</c>: groups of 128 inputs on a GPU. Calls are queued behind libtorch's own and return at once.</summary>
internal sealed unsafe class KernelGroupOperations : IGroupOperations
{
    /// <summary>Inputs of a group: four for each lane of a warp.</summary>
    public const int GroupSize = 128;

    private const int WarpsPerBlock = 8;
    private const uint Threads = 32 * WarpsPerBlock;

    private static readonly Lazy<byte[]> Image = new(() => KernelModule.Compile(typeof(KernelGroupOperations).Assembly, "SolverKernels.cu"));

    private readonly KernelModule _module = new(Image.Value);

    public void Round(Tensor w, Tensor importance, ClippingGrid clipping, DeviceCodes result)
    {
        var (values, weights) = (Address(w), Address(importance));
        var (stride, groups) = (w.shape[1], (int)result.Groups);
        var count = result.Outputs * groups;
        var (steps, least, refinements) = clipping;
        var (codes, scales, zeros) = (LibTorch.AddressOf(result.Codes), Address(result.Scales), Address(result.Zeros));
        var arguments = stackalloc void*[] { &values, &stride, &weights, &count, &groups, &steps, &least, &refinements, &codes, &scales, &zeros };
        _module.Launch("round_groups", Blocks(count), (Threads, 1), arguments);
    }

    public Tensor SearchErrors(Tensor w, Tensor scales, Tensor diagonal, int groupSize, ClippingGrid clipping)
    {
        var errors = empty_like(w);
        var (values, factors, moments, to) = (Address(w), Address(scales), Address(diagonal), Address(errors));
        var groups = (int)(w.shape[1] / groupSize);
        var count = w.shape[0] * groups;
        var (steps, least, refinements) = clipping;
        var arguments = stackalloc void*[] { &values, &factors, &moments, &count, &groups, &steps, &least, &refinements, &to };
        _module.Launch("search_errors", Blocks(count), (Threads, 1), arguments);
        return errors;
    }

    public void Compensate(Tensor targets, Tensor w, DeviceFactor factor, int group, ClippingGrid clipping, Tensor errors, DeviceCodes result)
    {
        var (stride, begin, groups, rows) = (result.Inputs, (long)group * GroupSize, (int)result.Groups, (int)result.Outputs);
        var (moved, values) = (Address(targets), Address(w, begin));
        var (feedback, pivots) = (Address(factor.Feedback, (begin * stride) + begin), Address(factor.Pivots, begin));
        var (steps, least, refinements) = clipping;
        var (lost, codes) = (Address(errors, begin), LibTorch.AddressOf(result.Codes) + (nint)begin);
        var (scales, zeros) = (Address(result.Scales, group), Address(result.Zeros, group));
        var arguments = stackalloc void*[]
        {
            &moved, &values, &stride, &feedback, &stride, &pivots, &rows, &steps, &least, &refinements, &lost, &codes, &scales, &zeros, &groups,
        };
        _module.Launch("compensate_group", Blocks(rows), (Threads, 1), arguments);
    }

    public void Descend(Tensor gradient, Tensor h, Tensor w, int group, Tensor residual, DeviceCodes result)
    {
        var (stride, begin, groups, rows) = (result.Inputs, (long)group * GroupSize, (int)result.Groups, (int)result.Outputs);
        var (slopes, block, values) = (Address(gradient), Address(h, (begin * stride) + begin), Address(w, begin));
        var (rest, codes) = (Address(residual, begin), LibTorch.AddressOf(result.Codes) + (nint)begin);
        var (scales, zeros) = (Address(result.Scales, group), Address(result.Zeros, group));
        var arguments = stackalloc void*[] { &slopes, &block, &stride, &values, &stride, &rows, &rest, &codes, &scales, &zeros, &groups };
        _module.Launch("descend_group", Blocks(rows), (Threads, 1), arguments);
    }

    public void Dispose() => _module.Dispose();

    private static (uint X, uint Y) Blocks(long warps) => ((uint)((warps + WarpsPerBlock - 1) / WarpsPerBlock), 1);

    /// <summary>Address of a float of a contiguous tensor.</summary>
    private static nint Address(Tensor tensor, long offset = 0)
    {
        if (!tensor.is_contiguous() || tensor.dtype != ScalarType.Float32)
        {
            throw new ArgumentException("Only a contiguous float32 tensor can be given to a kernel.", nameof(tensor));
        }

        return LibTorch.AddressOf(tensor) + (nint)(offset * sizeof(float));
    }
}
