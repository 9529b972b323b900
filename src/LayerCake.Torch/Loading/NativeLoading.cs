using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LayerCake.Torch;

/// <summary>Loads one native library and says the loader's own reason where it cannot.</summary>
internal static partial class NativeLoading
{
    /// <summary>The one version TorchSharp's native half lists that Debian 12 and Ubuntu 22.04 lack.</summary>
    public const string NewerStandardLibrary = "GLIBCXX_3.4.32";

    /// <summary>TorchSharp's native half: libtorch's C++ interface as C functions.</summary>
    public const string Bridge = "LibTorchSharp";

    private const int ResolveNow = 2;
    private const uint CloseOnExec = 1;

    public static nint Load(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw Failure(path, error.Message, error);
        }
    }

    /// <summary>
    /// Loads TorchSharp's native half. libtorch must be in the process already: the bridge finds it by its name, whatever its folder.
    /// </summary>
    /// <remarks>
    /// TorchSharp 0.107 was linked by GCC 13, which makes it list GLIBCXX_3.4.32. An older libstdc++ (Debian 12, Ubuntu 22.04) then refuses it,
    /// although the only symbol behind that version is a marker that no code refers to. Where that is the loader's reason, a copy is
    /// loaded in which the need is marked weak (a missing weak version is no error). The fix is made when loading and in memory: it works from
    /// a build output of links, from <c>dotnet test</c>, from a read-only install and for several processes at once, and cannot touch the package folder.
    /// </remarks>
    public static nint LoadBridge(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Load(path);
        }

        if (TryOpen(path, out var handle) is not { } reason)
        {
            return handle;
        }

        if (!reason.Contains(NewerStandardLibrary, StringComparison.Ordinal))
        {
            throw Failure(path, reason, null);
        }

        var image = File.ReadAllBytes(path);
        ElfVersionNeeds.Weaken(image, NewerStandardLibrary, path);
        return TryOpenImage(image, out handle) is { } secondReason
            ? throw Failure($"a copy of {path} without its need of {NewerStandardLibrary}", secondReason, null)
            : handle;
    }

    /// <summary>Loads a library from memory, through an anonymous file or, where the system forbids those, a temporary one.</summary>
    internal static string? TryOpenImage(ReadOnlySpan<byte> image, out nint handle)
    {
        var descriptor = memfd_create(NativeNames.Of(Bridge), CloseOnExec);
        if (descriptor >= 0)
        {
            using var file = new SafeFileHandle(descriptor, ownsHandle: true);
            RandomAccess.Write(file, image, 0);
            if (TryOpen($"/proc/self/fd/{descriptor}", out handle) is null)
            {
                return null;
            }
        }

        return TryOpenTemporary(image, out handle);
    }

    internal static string? TryOpenTemporary(ReadOnlySpan<byte> image, out nint handle)
    {
        // CreateTempSubdirectory makes a folder that only this user can enter. A loaded library needs its file no longer.
        var folder = Directory.CreateTempSubdirectory("layercake-");
        try
        {
            var path = Path.Combine(folder.FullName, NativeNames.Of(Bridge));
            File.WriteAllBytes(path, image.ToArray());
            return TryOpen(path, out handle);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Opens with all symbols resolved at once: a libtorch of another release fails here with the symbol's name, not later by killing the process.</summary>
    private static string? TryOpen(string path, out nint handle)
    {
        // dlerror is called once before: binding it to the C library at its first call would wipe out the reason it is to tell.
        _ = dlerror();
        handle = dlopen(path, ResolveNow);
        return handle != 0 ? null : Marshal.PtrToStringUTF8(dlerror()) ?? "the loader gives no reason";
    }

    private static TorchException Failure(string path, string reason, Exception? inner)
    {
        var advice = reason switch
        {
            _ when reason.Contains("undefined symbol", StringComparison.Ordinal) =>
                $"The libtorch that {LibTorch.EnvironmentVariable} names is of another release than TorchSharp was built for ({LibTorch.PackageVersion}): give PyTorch 2.10 or 2.11, or unset the variable.",
            _ when reason.Contains("GLIBC", StringComparison.Ordinal) =>
                "The system's C or C++ library is too old: use a system with glibc 2.34 and GCC 12's libstdc++ or newer (Debian 12, Ubuntu 22.04).",
            _ when reason.Contains("cannot open shared object file", StringComparison.Ordinal) =>
                "Install the package that holds the named library, or build again if it should lie beside the program.",
            _ => $"Build again, or set {LibTorch.EnvironmentVariable} to the folder 'torch' of a PyTorch 2.10 or 2.11 install.",
        };
        var text = $"Cannot load {path}: {reason.TrimEnd('.', '\n', ' ')}. {advice}";
        return inner is null ? new TorchException(text) : new TorchException(text, inner);
    }

    /// <summary>
    /// libtorch's threads (OpenMP) spin while they wait for work, and where other programs use the processors too, they wait mostly for each other: steps of small tensors
    /// took fifty times as long. OpenMP reads the environment of the process, of which .NET has a copy, once, when it is loaded. A value that is there stays.
    /// </summary>
    public static void LetThreadsSleep()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = setenv("OMP_WAIT_POLICY", "passive", 0);
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlopen(string path, int flags);

    [LibraryImport("libc")]
    private static partial nint dlerror();

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);
}
