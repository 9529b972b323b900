using System.Runtime.InteropServices;

namespace LayerCake.TurboMind;

/// <summary>Puts a finished folder in the place of another one.</summary>
internal static partial class FolderExchange
{
    private const int CurrentDirectory = -100;
    private const uint Exchange = 2;

    /// <summary>After this, <paramref name="destination"/> holds what <paramref name="finished"/> held, and the reverse or nothing.</summary>
    /// <param name="finished">The new folder, on the same file system.</param>
    /// <param name="destination">Its place; may be absent.</param>
    /// <param name="aside">Where the old folder waits when the two cannot be exchanged in one step.</param>
    public static void Publish(string finished, string destination, string aside)
    {
        if (!Directory.Exists(destination))
        {
            Directory.Move(finished, destination);
            return;
        }

        if (TryExchange(finished, destination))
        {
            return;
        }

        Directory.Move(destination, aside);
        try
        {
            Directory.Move(finished, destination);
        }
        catch
        {
            Directory.Move(aside, destination);
            throw;
        }
    }

    /// <summary>Linux can swap two names in one step: there is no moment without a workspace.</summary>
    private static bool TryExchange(string first, string second)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            return Rename(CurrentDirectory, first, CurrentDirectory, second, Exchange) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(int oldFolder, string oldPath, int newFolder, string newPath, uint flags);
}
