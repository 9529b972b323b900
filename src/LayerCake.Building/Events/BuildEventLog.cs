namespace LayerCake.Building;

/// <summary>
/// A build's events in a file, one JSON object a line. A line reaches the file with one write before the next event is taken, so a killed build leaves its log up
/// to its last moment, and several processes may add to one log.
/// </summary>
public sealed class BuildEventLog : IBuildEventSink, IDisposable
{
    /// <summary>A longer line is no event.</summary>
    private const int MaxLineBytes = 1 << 24;

    private readonly AppendedFile _file;
    private bool _failed;

    private BuildEventLog(AppendedFile file) => _file = file;

    /// <summary>Called once when the log cannot be written any more: a build goes on without its log.</summary>
    public Action<string>? Failed { get; init; }

    /// <summary>Starts a new log in place of an older one. Whoever reads the older one keeps it.</summary>
    /// <exception cref="BuildException">The file cannot be made.</exception>
    public static BuildEventLog Create(string path, Action<string>? failed = null) => StorageErrors.Guard("start the log of the build", path, () =>
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.Delete(path);
        return new BuildEventLog(AppendedFile.Open(path)) { Failed = failed };
    });

    /// <summary>Adds to a log, made where it is missing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="time">The clock.</param>
    /// <param name="passed">What has passed since the log's build began.</param>
    /// <param name="failed">Called once when it cannot be written any more.</param>
    /// <exception cref="BuildException">The file cannot be opened.</exception>
    public static BuildEventLog Append(string path, TimeProvider time, out TimeSpan passed, Action<string>? failed = null)
    {
        passed = File.Exists(path) ? PassedSinceStart(path, time) : TimeSpan.Zero;
        return StorageErrors.Guard("add to the log of the build", path, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return new BuildEventLog(AppendedFile.Open(path)) { Failed = failed };
        });
    }

    /// <summary>The reading of the monotonic clock that <see cref="BuildStarted.Clock"/> keeps, in milliseconds.</summary>
    public static long ClockOf(TimeProvider time) => (long)(time.GetTimestamp() / (double)time.TimestampFrequency * 1000);

    /// <summary>The events of a log. A last line that a killed build left unfinished is passed over, and so are kinds of events of later versions.</summary>
    /// <exception cref="BuildException">There is no such file, it cannot be read, or it is no log.</exception>
    public static IEnumerable<BuildEvent> Read(string path)
    {
        using var stream = StorageErrors.Guard(
            "read the log", path, () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        var lines = new LineReader(stream, MaxLineBytes);
        for (var number = 1; ; number++)
        {
            BuildEvent? @event;
            try
            {
                if (StorageErrors.Guard("read the log", path, lines.Next) is not { } line)
                {
                    yield break;
                }

                @event = BuildEventJson.Read(line);
            }
            catch (FormatException exception)
            {
                if (lines.IsUnfinished)
                {
                    yield break;
                }

                throw new BuildException($"cannot read the log {path}: line {number}: {exception.Message}; give a log of a build, such as artifacts/logs/NAME.jsonl", exception);
            }

            if (@event is not null)
            {
                yield return @event;
            }
        }
    }

    public void Take(BuildEvent @event)
    {
        if (_failed)
        {
            return;
        }

        try
        {
            _file.Append(BuildEventJson.Write(@event));
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception))
        {
            _failed = true;
            Failed?.Invoke(exception.Message.TrimEnd('.'));
        }
    }

    public void Dispose() => _file.Dispose();

    // The clock of the first line, where it is this machine's since its last start; else the time of the last line.
    private static TimeSpan PassedSinceStart(string path, TimeProvider time)
    {
        var last = TimeSpan.Zero;
        try
        {
            foreach (var @event in Read(path))
            {
                last = @event.At > last ? @event.At : last;
                if (@event is BuildStarted started && ClockOf(time) - started.Clock is >= 0 and < 30L * 24 * 3600 * 1000 and var passed)
                {
                    return TimeSpan.FromMilliseconds(passed);
                }
            }
        }
        catch (BuildException)
        {
            // What is added says less about time than it could.
        }

        return last;
    }
}
