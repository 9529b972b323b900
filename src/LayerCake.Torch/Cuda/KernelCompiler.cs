using System.Runtime.InteropServices;
using System.Text;

namespace LayerCake.Torch.Cuda;

/// <summary>
/// NVRTC, the compiler that libtorch's CUDA builds bring for their own use: turns CUDA C++ into code of the GPU at hand. Nothing of CUDA is needed to build
/// LayerCake.
/// </summary>
internal static unsafe class KernelCompiler
{
    // Where NVRTC lies beside libtorch: linked to a library of libtorch's own, or in NVIDIA's wheels next to the folder torch.
    private static readonly string[] Places =
    [
        "libcaffe2_nvrtc.so",
        "libnvrtc.so.13",
        "libnvrtc.so.12",
        "../../nvidia/cu13/lib/libnvrtc.so.13",
        "../../nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
    ];

    /// <summary>Compiles a source for a GPU: machine code of that GPU, or PTX for the driver to translate where the GPU is newer than the compiler.</summary>
    /// <param name="source">CUDA C++ without headers, ASCII.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="capability">Compute capability, 90 for 9.0.</param>
    /// <exception cref="TorchException">There is no NVRTC, or it refuses the source.</exception>
    public static byte[] Compile(string source, string name, int capability)
    {
        var library = Load();
        var create = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)Export(library, "nvrtcCreateProgram");
        var compile = (delegate* unmanaged<nint, int, byte**, int>)Export(library, "nvrtcCompileProgram");
        var destroy = (delegate* unmanaged<nint*, int>)Export(library, "nvrtcDestroyProgram");
        var newest = Newest(library);
        var native = capability <= newest;
        nint program;
        fixed (byte* text = Encoding.ASCII.GetBytes(source + "\0"))
        fixed (byte* title = Encoding.ASCII.GetBytes(name + "\0"))
        {
            Check(create(&program, text, title, 0, null, null), "make a program");
        }

        try
        {
            // No contraction into fused operations: every product and sum is rounded as in libtorch's operations one by one.
            fixed (byte* target = Encoding.ASCII.GetBytes($"--gpu-architecture={(native ? "sm" : "compute")}_{Math.Min(capability, newest)}\0"))
            fixed (byte* separate = "--fmad=false\0"u8)
            {
                var options = stackalloc byte*[] { target, separate };
                if (compile(program, 2, options) != 0)
                {
                    throw new TorchException($"The CUDA compiler refuses {name}: {LogOf(library, program)}");
                }
            }

            return native
                ? Output(library, program, "nvrtcGetCUBINSize", "nvrtcGetCUBIN")
                : Output(library, program, "nvrtcGetPTXSize", "nvrtcGetPTX");
        }
        finally
        {
            _ = destroy(&program);
        }
    }

    private static nint Load()
    {
        var folder = LibTorch.Folder ?? "";
        foreach (var place in Places)
        {
            foreach (var path in (string[])[Path.Combine(folder, place), Path.GetFileName(place)])
            {
                // The library of libtorch's is only linked to NVRTC; the loader looks through what it is linked to.
                if (NativeLibrary.TryLoad(path, out var handle))
                {
                    if (NativeLibrary.TryGetExport(handle, "nvrtcCreateProgram", out _))
                    {
                        return handle;
                    }

                    NativeLibrary.Free(handle);
                }
            }
        }

        throw new TorchException(
            $"NVRTC, CUDA's compiler for kernels, is not with the libtorch in use ({folder}); {string.Join(", ", Places.Select(Path.GetFileName))} were looked for. " +
            "PyTorch's CUDA wheels and the libtorch-cuda packages bring it: install one whole, or use the device cpu.");
    }

    private static int Newest(nint library)
    {
        var count = 0;
        var getCount = (delegate* unmanaged<int*, int>)Export(library, "nvrtcGetNumSupportedArchs");
        Check(getCount(&count), "list the GPUs it knows");
        var known = new int[count];
        fixed (int* values = known)
        {
            Check(((delegate* unmanaged<int*, int>)Export(library, "nvrtcGetSupportedArchs"))(values), "list the GPUs it knows");
        }

        return known.Max();
    }

    private static byte[] Output(nint library, nint program, string sizeName, string name)
    {
        nuint size;
        Check(((delegate* unmanaged<nint, nuint*, int>)Export(library, sizeName))(program, &size), "give its result");
        var output = new byte[(int)size];
        fixed (byte* bytes = output)
        {
            Check(((delegate* unmanaged<nint, byte*, int>)Export(library, name))(program, bytes), "give its result");
        }

        return output;
    }

    private static string LogOf(nint library, nint program) =>
        Encoding.UTF8.GetString(Output(library, program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog")).TrimEnd('\0', '\n');

    private static nint Export(nint library, string name) => NativeLibrary.GetExport(library, name);

    private static void Check(int result, string what)
    {
        if (result != 0)
        {
            throw new TorchException($"NVRTC cannot {what} (error {result}).");
        }
    }
}
