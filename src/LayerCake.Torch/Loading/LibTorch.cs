using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace LayerCake.Torch;

/// <summary>
/// Finds and loads libtorch: the natives that came with the build, or those of a PyTorch install that <c>LAYERCAKE_LIBTORCH</c> names.
/// Nothing but <see cref="EnsureLoaded"/> loads native code.
/// </summary>
public static partial class LibTorch
{
    /// <summary>Names a PyTorch install: the folder <c>torch</c> of its site-packages, or <c>torch/lib</c>. It wins over the build's natives.</summary>
    public const string EnvironmentVariable = "LAYERCAKE_LIBTORCH";

    /// <summary>The libtorch that the packages of this build hold.</summary>
    public const string PackageVersion = "2.10.0";

    private static readonly Lock Gate = new();
    private static bool _loaded;
    private static nint _addressOf;

    /// <summary>Which natives the build came with: <c>cpu</c>, <c>cuda</c> or <c>none</c>.</summary>
    public static string Backend { get; } = typeof(LibTorch).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "TorchBackend").Value!;

    /// <summary>
    /// Version of the libtorch that <see cref="EnsureLoaded"/> would load, for example <c>2.10.0</c> or <c>2.11.0+cu130</c>. Read from files: loads nothing.
    /// </summary>
    /// <exception cref="TorchException"><c>LAYERCAKE_LIBTORCH</c> names no PyTorch install.</exception>
    public static string Version => InstalledFolder() is { } folder ? VersionOf(folder) : PackageVersion;

    /// <summary>Whether the libtorch that would be loaded has CUDA kernels. Looks at files only.</summary>
    internal static bool HasCuda => InstalledFolder() is { } folder
        ? File.Exists(Path.Combine(folder, NativeNames.Of("torch_cuda")))
        : Backend == "cuda";

    /// <summary>The folder that libtorch was loaded from; null before that.</summary>
    internal static string? Folder { get; private set; }

    /// <summary>Address of a tensor's first element, on the device it is on; 0 for an empty one. The tensor must outlive its use.</summary>
    internal static unsafe nint AddressOf(torch.Tensor tensor) => ((delegate* unmanaged<nint, nint>)_addressOf)(tensor.Handle);

    /// <summary>Loads libtorch into this process, once; later calls return at once. Safe to call from any thread.</summary>
    /// <exception cref="TorchException">It cannot be loaded: which file, why, what to do.</exception>
    public static void EnsureLoaded()
    {
        if (Volatile.Read(ref _loaded))
        {
            return;
        }

        lock (Gate)
        {
            if (_loaded)
            {
                return;
            }

            if (InstalledFolder() is { } installed)
            {
                Load(installed);
            }
            else
            {
                LoadBundled();
            }

            Volatile.Write(ref _loaded, true);
        }
    }

    private static void LoadBundled()
    {
        if (Backend == "none")
        {
            throw new TorchException(
                $"This build has no libtorch of its own (TorchBackend=none). Set {EnvironmentVariable} to the folder 'torch' of a PyTorch install " +
                "(python3 -c \"import torch; print(torch.__path__[0])\" prints it), or build with TorchBackend=cpu.");
        }

        var libtorch = NativeNames.Find("torch_cpu") ?? throw new TorchException(
            $"libtorch is not where the program is: {NativeNames.Of("torch_cpu")} was looked for in {string.Join(", ", NativeNames.Folders)}. " +
            $"Build or publish again, or set {EnvironmentVariable} to the folder 'torch' of a PyTorch install.");
        Load(Path.GetDirectoryName(libtorch)!);
    }

    /// <summary>
    /// Loads libtorch from a folder, then TorchSharp's native half, which finds it by name. TorchSharp's own loader, which runs at the first use of its
    /// class <c>torch</c>, then finds both loaded already.
    /// </summary>
    private static void Load(string folder)
    {
        NativeLoading.LetThreadsSleep();
        // The CUDA library brings libtorch_cpu's kernels for the GPU. NVIDIA's own libraries are found through the run path that PyTorch's wheels carry.
        foreach (var name in (string[])["c10", "torch_cpu", "torch_cuda", "torch"])
        {
            var path = Path.Combine(folder, NativeNames.Of(name));
            if (name != "torch_cuda" || File.Exists(path))
            {
                NativeLoading.Load(path);
            }
        }

        var bridge = NativeNames.Find(NativeLoading.Bridge) ?? throw new TorchException(
            $"TorchSharp's native half is not where the program is: {NativeNames.Of(NativeLoading.Bridge)} was looked for in {string.Join(", ", NativeNames.Folders)}. Build or publish again.");
        var handle = NativeLoading.LoadBridge(bridge);
        // TorchSharp itself has no way to the memory of a tensor that is not the processor's.
        _addressOf = NativeLibrary.GetExport(handle, "THSTensor_data");
        Folder = folder;
        NativeLibrary.SetDllImportResolver(typeof(torch).Assembly, (name, _, _) => name == NativeLoading.Bridge ? handle : 0);
    }

    /// <summary>The folder with libtorch's files that the environment variable names, null where it is not set.</summary>
    private static string? InstalledFolder()
    {
        var value = Environment.GetEnvironmentVariable(EnvironmentVariable);
        if (string.IsNullOrWhiteSpace(value))
        {
            return null;
        }

        var file = NativeNames.Of("torch_cpu");
        foreach (var folder in (string[])[value, Path.Combine(value, "lib"), Path.Combine(value, "torch", "lib")])
        {
            if (File.Exists(Path.Combine(folder, file)))
            {
                return Path.GetFullPath(folder);
            }
        }

        throw new TorchException(
            $"{EnvironmentVariable} is '{value}', but there is no {file} in it nor in its folder lib. " +
            "Give the folder that python3 -c \"import torch; print(torch.__path__[0])\" prints, or unset the variable.");
    }

    private static string VersionOf(string folder)
    {
        // PyTorch's wheels have torch/version.py beside lib, the plain libtorch archives a file build-version.
        var parent = Path.GetDirectoryName(folder) ?? folder;
        var python = Path.Combine(parent, "version.py");
        if (File.Exists(python) && PythonVersion().Match(File.ReadAllText(python)) is { Success: true } match)
        {
            return match.Groups[1].Value;
        }

        var archive = Path.Combine(parent, "build-version");
        if (File.Exists(archive))
        {
            return File.ReadAllText(archive).Trim();
        }

        // Still a value that changes with the library.
        var size = new FileInfo(Path.Combine(folder, NativeNames.Of("torch_cpu"))).Length;
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"unknown-{size}");
    }

    [GeneratedRegex("""^__version__\s*=\s*['"]([^'"\s]+)['"]""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex PythonVersion();
}
