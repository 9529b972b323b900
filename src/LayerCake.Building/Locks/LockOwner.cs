using System.Diagnostics;
using System.Text.Json;

namespace LayerCake.Building;

/// <summary>Who holds a lock, for people: the lock itself is the kernel's and ends with the process.</summary>
/// <param name="Host">The machine's name.</param>
/// <param name="ProcessId">On that machine.</param>
/// <param name="ProcessStarted">When that process started (process ids are used again).</param>
/// <param name="Since">When the lock was taken.</param>
public sealed record LockOwner(string Host, int ProcessId, DateTimeOffset ProcessStarted, DateTimeOffset Since)
{
    /// <summary><c>process 4711 on gpu-box-2, since 14:02:31 UTC</c></summary>
    public override string ToString() =>
        FormattableString.Invariant($"process {ProcessId} on {Host}, since {Since.UtcDateTime:HH:mm:ss} UTC");

    internal static LockOwner This(TimeProvider time)
    {
        using var process = Process.GetCurrentProcess();
        return new LockOwner(Environment.MachineName, process.Id, process.StartTime.ToUniversalTime(), time.GetUtcNow());
    }

    internal byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("host", Host);
            json.WriteNumber("pid", ProcessId);
            json.WriteString("process_started", ProcessStarted);
            json.WriteString("since", Since);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>Whether that process of this host still runs.</summary>
    internal bool IsRunning()
    {
        try
        {
            using var process = Process.GetProcessById(ProcessId);
            // The kernel counts in hundredths of a second from its own start, so the same process is not always said to have started at the same tick.
            return (process.StartTime.ToUniversalTime() - ProcessStarted.UtcDateTime).Duration() < TimeSpan.FromSeconds(2);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    /// <summary>What the file says; null where it is not there (yet) or not readable.</summary>
    internal static LockOwner? Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return Read(stream);
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            return null;
        }
    }

    internal static LockOwner? Read(Stream stream)
    {
        try
        {
            using var document = JsonDocument.Parse(stream);
            var root = document.RootElement;
            return new LockOwner(
                root.GetProperty("host").GetString() ?? "?",
                root.GetProperty("pid").GetInt32(),
                root.GetProperty("process_started").GetDateTimeOffset(),
                root.GetProperty("since").GetDateTimeOffset());
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception)
            || exception is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }
}
