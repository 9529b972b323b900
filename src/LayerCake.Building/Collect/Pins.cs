using System.Text;

namespace LayerCake.Building;

/// <summary>
/// The keys that running builds work with, which the collector leaves alone. Each process writes its own into its temporary folder and loses them with it,
/// however it ends.
/// </summary>
internal sealed class Pins(ArtifactStore store)
{
    private const string FileName = "pins";
    private const long MaxBytes = 16L << 20;

    private readonly SemaphoreSlim _gate = new(1);
    private readonly HashSet<StepKey> _own = [];

    /// <summary>Adds keys to this process's pins. A store that cannot be written stays without: nobody who could collect it is kept waiting for that.</summary>
    public async Task AddAsync(IEnumerable<StepKey> keys, CancellationToken token)
    {
        if (store.Options.ReadOnly)
        {
            return;
        }

        await _gate.WaitAsync(token).ConfigureAwait(false);
        try
        {
            var count = _own.Count;
            _own.UnionWith(keys);
            if (_own.Count > count)
            {
                await WriteAsync(token).ConfigureAwait(false);
                store.Faults.Pass(FaultPoints.PinsWritten);
            }
        }
        catch (Exception exception) when (StorageErrors.IsStorage(exception) || exception is BuildException)
        {
            // Not written, not pinned; a build that misses something runs its step again.
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The pins of all builds that run.</summary>
    public HashSet<StepKey> Read()
    {
        var pins = new HashSet<StepKey>();
        foreach (var folder in TemporaryArea.Living(store.Layout.Temporary))
        {
            try
            {
                var file = new FileInfo(Path.Combine(folder, FileName));
                if (!file.Exists || file.Length > MaxBytes)
                {
                    continue;
                }

                foreach (var line in File.ReadLines(file.FullName))
                {
                    if (Digest.TryParse(line, out var digest))
                    {
                        pins.Add(new StepKey(digest));
                    }
                }
            }
            catch (Exception exception) when (StorageErrors.IsStorage(exception))
            {
                // It ended just now.
            }
        }

        return pins;
    }

    private async Task WriteAsync(CancellationToken token)
    {
        var text = new StringBuilder();
        foreach (var key in _own)
        {
            text.Append(key).Append('\n');
        }

        // Once this has entered, a collector that read the pins before has removed what it wanted, and whatever is found from now on stays.
        using var open = await store.Gate.EnterAsync(token).ConfigureAwait(false);
        var temporary = store.NewTemporaryFile();
        await File.WriteAllTextAsync(temporary, text.ToString(), token).ConfigureAwait(false);
        File.Move(temporary, Path.Combine(Path.GetDirectoryName(temporary)!, FileName), overwrite: true);
    }
}
