using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LayerCake.Checkpoints;

/// <summary>
/// Has what was written go to the disk while more is computed. Left to itself, the system keeps up to a tenth of the memory before it writes, and the flush at the
/// end waits for all of that.
/// </summary>
public static partial class EarlyWriting
{
    private const uint StartWriting = 2; // SYNC_FILE_RANGE_WRITE

    /// <summary>Below this, asking costs more than it gives.</summary>
    private const long LeastBytes = 1 << 20;

    /// <summary>Starts writing a part of a file; on systems that have no such call, nothing.</summary>
    /// <param name="handle">An open file.</param>
    /// <param name="offset">Where the part begins.</param>
    /// <param name="count">Its bytes; 0 for all that follow.</param>
    public static void Start(SafeFileHandle handle, long offset, long count)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (!OperatingSystem.IsLinux() || count is > 0 and < LeastBytes)
        {
            return;
        }

        try
        {
            // Only advice: what it could not do, the flush does.
            _ = sync_file_range(handle, offset, count, StartWriting);
        }
        catch (EntryPointNotFoundException)
        {
            // An old musl.
        }
    }

    [LibraryImport("libc")]
    private static partial int sync_file_range(SafeFileHandle handle, long offset, long count, uint flags);
}
