namespace LayerCake.Building;

/// <summary>Turns the file system's refusals into messages that say what, where and what to do.</summary>
internal static class StorageErrors
{
    // errno values of Linux and macOS as .NET keeps them in HResult, and the Windows codes.
    private const int NoSpaceUnix = 28;
    private const int QuotaLinux = 122;
    private const int QuotaMac = 69;
    private const int ReadOnlyUnix = 30;
    private const int FileTooBigUnix = 27;
    private const int NoSpaceWindows = unchecked((int)0x80070070);

    /// <summary>Whether <paramref name="exception"/> is the file system's refusal and not a bug.</summary>
    public static bool IsStorage(Exception exception) => exception is IOException or UnauthorizedAccessException;

    /// <summary>Whether it says that nothing more can be written, which no code that met it can have caused.</summary>
    public static bool IsFull(Exception exception) =>
        exception is IOException { HResult: NoSpaceUnix or NoSpaceWindows }
        || exception is IOException { HResult: QuotaLinux } && OperatingSystem.IsLinux()
        || exception is IOException { HResult: QuotaMac } && OperatingSystem.IsMacOS();

    /// <summary>Whether it will say the same until somebody makes room or changes a limit.</summary>
    public static bool IsLasting(IOException exception) => IsFull(exception) || exception.HResult is ReadOnlyUnix or FileTooBigUnix;

    /// <param name="exception">What the file system said.</param>
    /// <param name="doing">What was being done, after "cannot": <c>store the output of calibrate</c>.</param>
    /// <param name="path">Where.</param>
    public static BuildException Explain(Exception exception, string doing, string path)
    {
        var (why, advice) = exception switch
        {
            UnauthorizedAccessException => ("permission denied", "give this user the right to write there, or choose another folder"),
            { HResult: NoSpaceUnix or NoSpaceWindows } => ("no space left on the device", "free some space (nothing half-written was kept), then run again"),
            { HResult: QuotaLinux } when OperatingSystem.IsLinux() => ("the disk quota is used up", "free some space, then run again"),
            { HResult: QuotaMac } when OperatingSystem.IsMacOS() => ("the disk quota is used up", "free some space, then run again"),
            { HResult: ReadOnlyUnix } => ("the file system is read-only", "choose a folder that can be written"),
            { HResult: FileTooBigUnix } => ("the file is larger than the file system or a limit allows", "raise the limit (ulimit -f) or use another file system"),
            DirectoryNotFoundException or FileNotFoundException => ("a part of the path does not exist or is not a folder", "check the path"),
            _ => (exception.Message.TrimEnd('.'), "check the path and the disk"),
        };
        return new BuildException($"cannot {doing}: {why}: {path}; {advice}", exception);
    }

    /// <summary>Runs <paramref name="action"/> and explains what the file system refuses.</summary>
    public static T Guard<T>(string doing, string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception exception) when (IsStorage(exception))
        {
            throw Explain(exception, doing, path);
        }
    }

    public static void Guard(string doing, string path, Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (IsStorage(exception))
        {
            throw Explain(exception, doing, path);
        }
    }
}
