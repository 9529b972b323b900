using System.Text;
using LayerCake.Checkpoints;
using Microsoft.Win32.SafeHandles;

namespace LayerCake.TurboMind;

/// <summary>A file of known size, written at any offset by any thread. Failures are told with the path and what to do.</summary>
internal sealed class OutputFile : IWeightOutput
{
    // Linux transfers at most 2 GiB a call; large enough that the count of calls does not matter.
    private const int MaxWrite = 1 << 26;

    private readonly SafeFileHandle _handle;

    private OutputFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
    }

    public string Path { get; }

    /// <summary>Creates the file and reserves its space, so that a full disk shows before the work and not after.</summary>
    /// <exception cref="WorkspaceException">The file exists, cannot be created, or does not fit.</exception>
    public static OutputFile Create(string path, long byteCount)
    {
        try
        {
            return new OutputFile(
                path,
                File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, byteCount));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Failure(path, byteCount, fault);
        }
    }

    /// <summary>Replaces or makes a small text file: UTF-8 without BOM, complete or not at all.</summary>
    public static void WriteText(string path, string text, bool executable = false) =>
        WriteBytes(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetBytes(text), executable);

    public static void WriteBytes(string path, ReadOnlySpan<byte> bytes, bool executable = false)
    {
        var temporary = path + ".tmp";
        try
        {
            File.Delete(temporary);
            File.WriteAllBytes(temporary, bytes);
            if (executable && !OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(temporary, File.GetUnixFileMode(temporary) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Failure(path, bytes.Length, fault);
        }
    }

    /// <exception cref="WorkspaceException">The write failed; the message names the file.</exception>
    public static void CreateFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Failure(path, 0, fault);
        }
    }

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            while (bytes.Length > 0)
            {
                var count = Math.Min(bytes.Length, MaxWrite);
                RandomAccess.Write(_handle, bytes[..count], offset);
                bytes = bytes[count..];
                offset += count;
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Failure(Path, bytes.Length, fault);
        }
    }

    public void Dispose()
    {
        if (!_handle.IsClosed)
        {
            // Who flushes the finished tree waits the less.
            EarlyWriting.Start(_handle, 0, 0);
        }

        _handle.Dispose();
    }

    /// <summary>The user's text for a failed write: full disks and missing rights are not bugs.</summary>
    public static WorkspaceException Failure(string path, long byteCount, Exception fault)
    {
        // ENOSPC and EDQUOT reach .NET as HResults of their errno; preallocation has a text of its own.
        const int noSpace = 28;
        const int quota = 122;
        if (fault is IOException && ((fault.HResult & 0xFFFF) is noSpace or quota or 0x70 || fault.Message.Contains("allocation", StringComparison.OrdinalIgnoreCase)))
        {
            return new WorkspaceException(
                $"no space left for {path} ({byteCount} more bytes needed): free space there or choose another output folder", fault) { ConcernsOutput = true };
        }

        return fault is UnauthorizedAccessException
            ? new WorkspaceException($"{path} cannot be written: permission denied. Choose an output folder you may write to", fault) { ConcernsOutput = true }
            : new WorkspaceException($"{path} cannot be written: {fault.Message.TrimEnd('.')}. Choose another output folder", fault) { ConcernsOutput = true };
    }
}
