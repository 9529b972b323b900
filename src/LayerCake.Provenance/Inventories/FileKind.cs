using System.Runtime.InteropServices;
using System.Text;

namespace LayerCake.Provenance;

/// <summary>Tells regular files from pipes, sockets and devices, which must not be opened: opening a pipe waits for ever.</summary>
internal static class FileKind
{
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint TypeMask = 1;
    private const int ModeOffset = 28;
    private const int FormatBits = 0xF000;
    private const int Regular = 0x8000;

    /// <summary>False only where the system says that it is something else.</summary>
    public static bool IsRegular(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        // struct statx: 256 bytes, the mode a 16-bit number at 28, the same on every architecture.
        var buffer = new byte[256];
        var result = StatX(CurrentFolder, [.. Encoding.UTF8.GetBytes(path), 0], NoFollow, TypeMask, buffer);
        return result != 0 || (BitConverter.ToUInt16(buffer, ModeOffset) & FormatBits) == Regular;
    }

    [DllImport("libc", EntryPoint = "statx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int StatX(int folder, byte[] path, int flags, uint mask, byte[] buffer);
}
