using System.ComponentModel;
using System.Runtime.InteropServices;

namespace LayerCake.Building;

/// <summary>A file to which several processes may add at once, each write whole and at the end. .NET's own append mode only starts at the end.</summary>
internal sealed class AppendedFile : IDisposable
{
    private readonly string _path;
    private int _handle;

    private AppendedFile(string path, int handle) => (_path, _handle) = (path, handle);

    /// <exception cref="IOException">It cannot be opened.</exception>
    public static AppendedFile Open(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            using var made = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            return new AppendedFile(path, -1);
        }

        var handle = NativeMethods.OpenFile(path, NativeMethods.AppendToFile, Convert.ToInt32("666", 8));
        return handle >= 0 ? new AppendedFile(path, handle) : throw Failure();
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_handle < 0)
        {
            // Opened for itself alone: others wait their turn.
            using var stream = OpenAlone();
            stream.Write(bytes);
            return;
        }

        while (bytes.Length > 0)
        {
            var written = NativeMethods.Write(_handle, bytes, bytes.Length);
            if (written < 0)
            {
                const int Interrupted = 4; // EINTR
                if (Marshal.GetLastPInvokeError() == Interrupted)
                {
                    continue;
                }

                throw Failure();
            }

            bytes = bytes[(int)written..];
        }
    }

    public void Dispose()
    {
        if (_handle >= 0)
        {
            _ = NativeMethods.Close(_handle);
            _handle = -1;
        }
    }

    private FileStream OpenAlone()
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.Read, 1);
            }
            catch (IOException exception) when (TemporaryArea.IsHeld(exception) && attempt < 1000)
            {
                Thread.Sleep(1);
            }
        }
    }

    private static IOException Failure()
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException(new Win32Exception(error).Message, error);
    }
}
