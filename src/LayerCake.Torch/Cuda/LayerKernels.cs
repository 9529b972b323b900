using TorchSharp;

namespace LayerCake.Torch.Cuda;

/// <summary>
/// The kernels of <c>LayerKernels.cu</c> on the GPU in use. Tensors are float16 on the GPU, their last dimension contiguous; calls are queued behind libtorch's
/// own and return at once.
/// </summary>
internal sealed unsafe class LayerKernels : IDisposable
{
    private const int Wide = 8;
    private const uint Threads = 256;
    private const uint RowsOfReduction = 32;

    // Once for a process: a build may have begun it early.
    private static readonly Lazy<byte[]> Image = new(() => KernelModule.Compile(typeof(LayerKernels).Assembly, "LayerKernels.cu"));

    private readonly KernelModule _module;

    private LayerKernels(KernelModule module) => _module = module;

    /// <summary>Compiles the kernels, about a second, and loads them.</summary>
    /// <remarks>On a thread on which libtorch has used the GPU.</remarks>
    /// <exception cref="TorchException">They cannot be compiled or loaded.</exception>
    public static LayerKernels Load() => new(new KernelModule(Image.Value));

    /// <summary>Largest, smallest, mean and mean magnitude of every channel over the tokens of each sample.</summary>
    /// <param name="values">[samples, tokens, channels].</param>
    /// <param name="planes">[4, all samples, all channels]: the four statistics go to the samples from <paramref name="firstSample"/> and the channels from <paramref name="firstChannel"/> on.</param>
    /// <param name="notFinite">One int32, lowered to the number of the first sample with a value that is not finite.</param>
    public void ReduceChannels(torch.Tensor values, torch.Tensor planes, int firstSample, int firstChannel, torch.Tensor notFinite)
    {
        var (samples, tokens, channels) = ((uint)values.shape[0], (int)values.shape[1], (int)values.shape[2]);
        var wide = channels % Wide == 0;
        var columns = (uint)(wide ? Wide * Wide : Wide);
        var from = LibTorch.AddressOf(values);
        long rowStride = channels;
        var to = LibTorch.AddressOf(planes) + ((nint)firstChannel * sizeof(ushort));
        var sampleStride = (int)planes.shape[2];
        var plane = planes.shape[1] * sampleStride;
        var flag = LibTorch.AddressOf(notFinite);
        var arguments = stackalloc void*[] { &from, &rowStride, &tokens, &channels, &to, &plane, &sampleStride, &firstSample, &flag };
        _module.Launch(Name("reduce_channels", wide), (((uint)channels + columns - 1) / columns, samples), (Wide, RowsOfReduction), arguments);
    }

    /// <summary>Merges all samples in their order, with the original's running means.</summary>
    /// <param name="planes">[4, samples, channels], from <see cref="ReduceChannels"/>.</param>
    /// <param name="merged">[5, channels]: largest, smallest, mean, largest magnitude, mean magnitude.</param>
    public void MergeSamples(torch.Tensor planes, torch.Tensor merged)
    {
        var (samples, channels) = ((int)planes.shape[1], (int)planes.shape[2]);
        var (from, to) = (LibTorch.AddressOf(planes), LibTorch.AddressOf(merged));
        var plane = (long)samples * channels;
        var arguments = stackalloc void*[] { &from, &plane, &samples, &channels, &to };
        _module.Launch("merge_samples", (((uint)channels + Threads - 1) / Threads, 1), (Threads, 1), arguments);
    }

    /// <summary>RMSNorm of each row.</summary>
    public void RmsNorm(torch.Tensor x, torch.Tensor weight, torch.Tensor y, double epsilon)
    {
        var channels = (int)weight.NumberOfElements;
        var rows = (uint)(x.NumberOfElements / channels);
        var (from, scale, to) = (LibTorch.AddressOf(x), LibTorch.AddressOf(weight), LibTorch.AddressOf(y));
        var small = (float)epsilon;
        var arguments = stackalloc void*[] { &from, &scale, &to, &channels, &small };
        _module.Launch(Name("rms_norm", channels % Wide == 0), (rows, 1), (Threads, 1), arguments);
    }

    /// <summary>Rotary embedding in place.</summary>
    /// <param name="x">[samples, tokens, heads · d].</param>
    /// <param name="cosines">[tokens, d], both halves alike; likewise <paramref name="sines"/>.</param>
    public void Rotate(torch.Tensor x, torch.Tensor cosines, torch.Tensor sines, int heads)
    {
        var tokens = (int)cosines.shape[0];
        var half = (int)cosines.shape[1] / 2;
        var wide = half % Wide == 0;
        var rows = x.NumberOfElements / (heads * half * 2);
        var (to, cosine, sine) = (LibTorch.AddressOf(x), LibTorch.AddressOf(cosines), LibTorch.AddressOf(sines));
        var arguments = stackalloc void*[] { &to, &cosine, &sine, &rows, &tokens, &heads, &half };
        _module.Launch(Name("rotate", wide), (Blocks(rows * heads * (half / (wide ? Wide : 1))), 1), (Threads, 1), arguments);
    }

    /// <summary>silu(gate) · up, in the place of gate.</summary>
    public void GateUp(torch.Tensor gate, torch.Tensor up)
    {
        var count = gate.NumberOfElements;
        var wide = count % Wide == 0;
        var (to, from) = (LibTorch.AddressOf(gate), LibTorch.AddressOf(up));
        var arguments = stackalloc void*[] { &to, &from, &count };
        _module.Launch(Name("gate_up", wide), (Blocks(count / (wide ? Wide : 1)), 1), (Threads, 1), arguments);
    }

    public void Dispose() => _module.Dispose();

    private static uint Blocks(long threads) => (uint)((threads + Threads - 1) / Threads);

    private static string Name(string name, bool wide) => wide ? name + "_8" : name + "_1";
}
