using System.Reflection;

namespace LayerCake.Torch.Cuda;

/// <summary>Kernels of one source on the GPU in use: compiled once for a process, loaded into the current context.</summary>
/// <remarks>To be made and used on a thread on which libtorch has used the GPU.</remarks>
internal sealed unsafe class KernelModule(byte[] image) : IDisposable
{
    private readonly nint _module = CudaDriver.LoadModule(image);
    private readonly Dictionary<string, nint> _functions = new(StringComparer.Ordinal);

    /// <summary>Compiles a source that is embedded in an assembly for the GPU of the current context.</summary>
    /// <exception cref="TorchException">It cannot be compiled.</exception>
    public static byte[] Compile(Assembly assembly, string resource)
    {
        using var stream = assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        return KernelCompiler.Compile(reader.ReadToEnd(), resource, CudaDriver.ComputeCapability);
    }

    /// <summary>Queues a kernel behind what libtorch has queued.</summary>
    public void Launch(string name, (uint X, uint Y) grid, (uint X, uint Y) block, void** arguments)
    {
        if (!_functions.TryGetValue(name, out var function))
        {
            function = CudaDriver.FunctionOf(_module, name);
            _functions.Add(name, function);
        }

        CudaDriver.Launch(function, grid, block, arguments);
    }

    public void Dispose() => CudaDriver.UnloadModule(_module);
}
