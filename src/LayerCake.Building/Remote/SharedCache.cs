using System.Globalization;

namespace LayerCake.Building;

/// <summary>
/// A remote cache as a build uses it: what it says is checked, what it fails to do is a warning. A dead, slow or lying cache never breaks a build and
/// nothing of it gets into the store unchecked: entries must be whole records of their key, content must have the size and the digest of its entry.
/// </summary>
/// <remarks>
/// After three failures in a row, or three lies in all, it is not asked again until the process ends. No call outlasts its limit, whatever the
/// adapter does. Safe to use from several threads at once.
/// </remarks>
public sealed class SharedCache : IDisposable
{
    // An entry of the largest tree that a store holds, some hundred thousand files.
    private const long MaxEntryBytes = 64L << 20;
    private const int MaxFailuresInARow = 3;
    private const int MaxLies = 3;

    private readonly IRemoteCache _remote;
    private readonly IBuildReporter _reporter;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly HashSet<Digest> _lies = [];
    private int _failures;
    private int _lieCount;
    private bool _givenUp;

    /// <param name="remote">The cache; disposed with this.</param>
    /// <param name="canWrite">Whether what this machine makes is written there.</param>
    /// <param name="reporter">Told what goes wrong.</param>
    /// <param name="time">Clock of the limits; the system's where it is null.</param>
    public SharedCache(IRemoteCache remote, bool canWrite, IBuildReporter reporter, TimeProvider? time = null)
    {
        _remote = remote;
        CanWrite = canWrite;
        _reporter = reporter;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>What people call it, without credentials.</summary>
    public string Name => _remote.Name;

    /// <summary>Whether what this machine makes is written there.</summary>
    public bool CanWrite { get; }

    /// <summary>Whether it failed so often that it is not asked any more.</summary>
    public bool IsGivenUp
    {
        get
        {
            lock (_gate)
            {
                return _givenUp;
            }
        }
    }

    /// <summary>How long a question that moves no content may take.</summary>
    internal static TimeSpan QuestionLimit { get; } = TimeSpan.FromSeconds(60);

    /// <summary>How long one question of a plan may take; a plan has to be quick, and a build asks again.</summary>
    internal static TimeSpan PlanLimit { get; } = TimeSpan.FromSeconds(5);

    /// <summary>How long content may take: a minute, and what it needs at 256 KiB/s.</summary>
    internal static TimeSpan TransferLimit(long size) => TimeSpan.FromSeconds(60 + Math.Min(size / (256.0 * 1024), 1e6));

    public void Dispose() => _remote.Dispose();

    /// <summary>The record of a key; null where there is none that can be used. None of its content is read.</summary>
    internal async Task<StepRecord?> FindAsync(StepKey key, TimeSpan limit, CancellationToken token)
    {
        var (_, content) = await AskAsync(
            $"look up {key.Short}", limit, inner => _remote.GetEntryAsync(key.Value, MaxEntryBytes, inner), token).ConfigureAwait(false);
        if (content is null)
        {
            return null;
        }

        if (content.LongLength > MaxEntryBytes)
        {
            Lied(FormattableString.Invariant($"its entry of {key.Short} has {content.LongLength} bytes"), null);
            return null;
        }

        try
        {
            return StepRecordJson.Read(key, content);
        }
        catch (FormatException exception)
        {
            Lied($"its entry of {key.Short} is damaged ({exception.Message.TrimEnd('.')})", null);
            return null;
        }
    }

    /// <summary>Writes a key's entry; its content must be there. False where that failed.</summary>
    internal async Task<bool> PutAsync(StepRecord record, CancellationToken token)
    {
        var entry = StepRecordJson.Write(record);
        return await PutEntryAsync($"write the entry of {record.Key.Short}", record.Key.Value, entry, token).ConfigureAwait(false);
    }

    /// <summary>The fields of the last build of a step of a recipe that was written there; null where there was none.</summary>
    internal async Task<KeyDocument?> FindLatestAsync(string recipe, string step, TimeSpan limit, CancellationToken token)
    {
        var (_, content) = await AskAsync(
            $"look up the last build of {step}", limit, inner => _remote.GetEntryAsync(LatestNote.Key(recipe, step), LatestNote.MaxBytes, inner), token).ConfigureAwait(false);
        return content is null ? null : LatestNote.TryRead(content);
    }

    /// <summary>Notes the fields with which a step of a recipe was built last. Only explanations read it.</summary>
    internal Task<bool> PutLatestAsync(string recipe, string step, KeyDocument fields, CancellationToken token) =>
        PutEntryAsync($"note the last build of {step}", LatestNote.Key(recipe, step), LatestNote.Write(fields), token);

    /// <summary>Which contents are not there; null where that cannot be found out. Content that was found to be wrong counts as missing.</summary>
    /// <param name="contents">Digests and sizes.</param>
    /// <param name="planning">Whether it is asked for a plan, which rather does without the answer than wait for it; that is no fault of the cache then.</param>
    /// <param name="token">Ends the asking.</param>
    internal async Task<IReadOnlySet<Digest>?> FindMissingAsync(IReadOnlyList<KeyValuePair<Digest, long>> contents, bool planning, CancellationToken token)
    {
        if (contents.Count == 0)
        {
            return new HashSet<Digest>();
        }

        // One request each on most servers.
        var limit = planning ? PlanLimit : QuestionLimit + TimeSpan.FromSeconds(0.1 * contents.Count);
        var (answered, missing) = await AskAsync(
            "ask which content is there", limit, inner => _remote.FindMissingAsync(contents, inner), token, patient: !planning).ConfigureAwait(false);
        if (!answered || missing is null)
        {
            return null;
        }

        var result = new HashSet<Digest>(missing);
        lock (_gate)
        {
            result.UnionWith(_lies);
        }

        return result;
    }

    /// <summary>Asks for content; null where that failed, which was said.</summary>
    internal async Task<bool?> GetContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token)
    {
        var (answered, found) = await AskAsync(
            $"fetch the content {digest.Short}", TransferLimit(size), inner => _remote.GetContentAsync(digest, size, open, inner), token).ConfigureAwait(false);
        return answered ? found : null;
    }

    /// <summary>Writes content; false where that failed, which was said.</summary>
    internal async Task<bool> PutContentAsync(Digest digest, long size, Func<Stream> open, CancellationToken token)
    {
        var (answered, _) = await AskAsync(
            $"write the content {digest.Short}",
            TransferLimit(size),
            async inner =>
            {
                await _remote.PutContentAsync(digest, size, open, inner).ConfigureAwait(false);
                return true;
            },
            token).ConfigureAwait(false);
        return answered;
    }

    /// <summary>It gave something that is not what it must be. That is said each time.</summary>
    internal void Lied(string what, Digest? content)
    {
        bool last;
        lock (_gate)
        {
            if (content is { } digest)
            {
                _lies.Add(digest);
            }

            last = ++_lieCount == MaxLies && !_givenUp;
            _givenUp |= last;
        }

        _reporter.Warn($"{Name}: {OneLine(what)}; it is not used");
        if (last)
        {
            _reporter.Warn(string.Create(CultureInfo.InvariantCulture, $"{Name} gave wrong answers {MaxLies} times; it is not asked again in this build"));
        }
    }

    /// <summary>Says that it holds something that cannot be used though nothing is wrong with it.</summary>
    internal void Warn(string what) => _reporter.Warn($"{Name}: {OneLine(what)}");

    private async Task<bool> PutEntryAsync(string doing, Digest key, byte[] content, CancellationToken token)
    {
        var (answered, _) = await AskAsync(
            doing,
            TransferLimit(content.Length),
            async inner =>
            {
                await _remote.PutEntryAsync(key, content, inner).ConfigureAwait(false);
                return true;
            },
            token).ConfigureAwait(false);
        return answered;
    }

    private async Task<(bool Answered, T? Value)> AskAsync<T>(string doing, TimeSpan limit, Func<CancellationToken, Task<T>> ask, CancellationToken token, bool patient = true)
    {
        token.ThrowIfCancellationRequested();
        if (IsGivenUp)
        {
            return default;
        }

        using var timer = new CancellationTokenSource(limit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(token, timer.Token);
        try
        {
            // On a thread of its own and not awaited past the limit: an adapter that blocks or does not listen holds up nobody.
            var value = await Task.Run(() => ask(either.Token), either.Token).WaitAsync(either.Token).ConfigureAwait(false);
            lock (_gate)
            {
                _failures = 0;
            }

            return (true, value);
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException) when (!patient)
        {
            return default;
        }
        catch (OperationCanceledException)
        {
            Failed(doing, string.Create(CultureInfo.InvariantCulture, $"no answer within {limit.TotalSeconds:0} s"));
            return default;
        }
        catch (Exception exception) when (exception is not BuildException)
        {
            // Whatever an adapter throws: a cache is there to save time, and its faults, ours in it too, must not cost a build.
            Failed(doing, exception.Message);
            return default;
        }
    }

    private void Failed(string doing, string why)
    {
        bool first;
        bool last;
        lock (_gate)
        {
            if (_givenUp)
            {
                return;
            }

            _failures++;
            first = _failures == 1;
            last = _failures == MaxFailuresInARow;
            _givenUp |= last;
        }

        if (first)
        {
            _reporter.Warn($"{Name}: cannot {doing}: {OneLine(why).TrimEnd('.')}; the build goes on without it");
        }

        if (last)
        {
            _reporter.Warn(string.Create(CultureInfo.InvariantCulture, $"{Name} failed {MaxFailuresInARow} times in a row; it is not asked again in this build"));
        }
    }

    // What a server says of itself goes to a terminal.
    private static string OneLine(string text)
    {
        const int Longest = 500;
        var line = string.Create(Math.Min(text.Length, Longest), text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        });
        return text.Length > Longest ? line + "…" : line;
    }
}
