namespace LayerCake.Building;

/// <summary>
/// Decides what goes. Rubbish always; then results by age; then, while the store is too large or its disk too full, the least recently used. A result counts as
/// used when anything made from it was, so that no result goes before those made from it: after a collection a build needs the last steps, never the
/// first ones for the sake of the last.
/// </summary>
internal sealed class CollectPlan
{
    private readonly StoreInventory _inventory;
    private readonly CollectLimits _limits;
    private readonly HashSet<StepKey> _held;
    private readonly DateTimeOffset _now;
    private readonly List<CollectedItem> _items = [];
    private readonly HashSet<StepKey> _gone = [];
    private readonly Dictionary<Digest, int> _names = [];
    private long _freed;
    private long _freedOnDisk;

    private CollectPlan(StoreInventory inventory, CollectLimits limits, HashSet<StepKey> held, DateTimeOffset now)
    {
        _inventory = inventory;
        _limits = limits;
        _held = held;
        _now = now;
        foreach (var record in inventory.Records.Values)
        {
            foreach (var digest in record.Contents.Keys)
            {
                _names[digest] = _names.GetValueOrDefault(digest) + 1;
            }
        }
    }

    /// <param name="inventory">What is there.</param>
    /// <param name="limits">What to keep to.</param>
    /// <param name="held">Keys of lock records and of running builds.</param>
    /// <param name="now">The time.</param>
    /// <param name="free">Bytes free on the disk; null where that is not known.</param>
    public static CollectReport Of(StoreInventory inventory, CollectLimits limits, HashSet<StepKey> held, DateTimeOffset now, long? free)
    {
        var plan = new CollectPlan(inventory, limits, held, now);
        plan.TakeRubbish();
        var last = plan.LastUses();
        plan.TakeOld(last);
        var missing = plan.TakeLeastUsed(last, free);
        return new CollectReport(plan._items, inventory.TotalBytes, plan._freed, inventory.Records.Count - plan._gone.Count, missing);
    }

    private void TakeRubbish()
    {
        foreach (var record in _inventory.Damaged)
        {
            Take(CollectedKind.Rubbish, record, "a damaged record");
        }

        foreach (var file in _inventory.Quarantined)
        {
            if (_now - file.Changed >= CollectLimits.RubbishAge)
            {
                Take(CollectedKind.Rubbish, file, "content with a wrong digest");
            }
        }

        foreach (var folder in _inventory.Abandoned)
        {
            Take(CollectedKind.Rubbish, folder, "left by a build that died");
        }

        foreach (var (digest, blob) in Sorted(_inventory.Blobs))
        {
            if (!_inventory.IsNamed(digest) && _now - blob.Changed >= CollectLimits.RubbishAge)
            {
                Add(new CollectedItem(CollectedKind.Content, digest.Short, null, blob.Size, "no result has it") { Content = digest }, OnDisk(blob));
            }
        }

        foreach (var record in Sorted(_inventory.Records.Values))
        {
            if (_inventory.FaultOf(record) is { } fault && !_held.Contains(record.Key))
            {
                Take(record, fault);
            }
        }

        foreach (var parts in _inventory.Parts)
        {
            if (parts.Key is { } key && _held.Contains(key))
            {
                continue;
            }

            if (parts.Key is { } done && _inventory.Records.ContainsKey(done))
            {
                Take(CollectedKind.Parts, parts, "its step is done");
            }
            else if (_now - parts.Changed >= (_limits.KeepFor ?? CollectLimits.KeepPartsFor))
            {
                Take(CollectedKind.Parts, parts, $"not gone on with for {Age(parts.Changed)}");
            }
        }
    }

    private Dictionary<StepKey, DateTimeOffset> LastUses()
    {
        var last = new Dictionary<StepKey, DateTimeOffset>();
        foreach (var record in _inventory.Records.Values)
        {
            if (_gone.Contains(record.Key))
            {
                continue;
            }

            foreach (var key in record.Lineage)
            {
                if (!last.TryGetValue(key, out var known) || known < record.LastUsed)
                {
                    last[key] = record.LastUsed;
                }
            }
        }

        return last;
    }

    private void TakeOld(Dictionary<StepKey, DateTimeOffset> last)
    {
        foreach (var record in Candidates(last))
        {
            if (_limits.KeepFor is { } age && _now - last[record.Key] >= age)
            {
                Take(record, $"not used for {Age(last[record.Key])}");
            }
        }
    }

    private long TakeLeastUsed(Dictionary<StepKey, DateTimeOffset> last, long? free)
    {
        foreach (var record in Candidates(last))
        {
            if (Excess(free) is not { } why)
            {
                break;
            }

            Take(record, $"{why}; not used for {Age(last[record.Key])}");
        }

        var large = _limits.MaxBytes is { } max ? _inventory.TotalBytes - _freed - max : 0;
        var full = _limits.MinFreeBytes is { } min && free is { } there ? min - there - _freedOnDisk : 0;
        return Math.Max(0, Math.Max(large, full));
    }

    private string? Excess(long? free) =>
        _limits.MaxBytes is { } max && _inventory.TotalBytes - _freed > max ? "the store is too large"
        : _limits.MinFreeBytes is { } min && free is { } there && there + _freedOnDisk < min ? "the disk is too full"
        : null;

    /// <summary>What may go, in that order.</summary>
    private List<StoreInventory.RecordItem> Candidates(Dictionary<StepKey, DateTimeOffset> last)
    {
        var candidates = new List<StoreInventory.RecordItem>();
        foreach (var record in _inventory.Records.Values)
        {
            if (!_gone.Contains(record.Key) && !_held.Contains(record.Key) && _now - last[record.Key] >= CollectLimits.Grace)
            {
                candidates.Add(record);
            }
        }

        // Of those used at the same time the one that came from the most steps: its own step is the one whose inputs are all still there.
        candidates.Sort((left, right) =>
        {
            var order = last[left.Key].CompareTo(last[right.Key]);
            order = order != 0 ? order : right.Lineage.Count.CompareTo(left.Lineage.Count);
            return order != 0 ? order : left.Key.Value.CompareTo(right.Key.Value);
        });
        return candidates;
    }

    private void Take(StoreInventory.RecordItem record, string reason)
    {
        var bytes = record.RecordBytes;
        var onDisk = record.RecordBytes;
        foreach (var digest in record.Contents.Keys)
        {
            if (--_names[digest] == 0 && _inventory.Blobs.TryGetValue(digest, out var blob))
            {
                bytes += blob.Size;
                onDisk += OnDisk(blob);
            }
        }

        _gone.Add(record.Key);
        var item = new CollectedItem(CollectedKind.Result, $"{record.Step} {record.Key.Short}", record.Key, bytes, reason) { LastUsed = record.LastUsed };
        Add(item, onDisk);
    }

    private void Take(CollectedKind kind, StoreInventory.Leftover leftover, string reason)
    {
        var name = leftover.Key is { } key ? key.Short : Path.GetFileName(leftover.Path);
        Add(new CollectedItem(kind, name, leftover.Key, leftover.Bytes, reason) { Path = leftover.Path, LastUsed = leftover.Changed }, leftover.Bytes);
    }

    private void Add(CollectedItem item, long onDisk)
    {
        _items.Add(item);
        _freed += item.Bytes;
        _freedOnDisk += onDisk;
    }

    private string Age(DateTimeOffset since)
    {
        var age = _now - since;
        return age >= TimeSpan.FromDays(2) ? FormattableString.Invariant($"{Math.Floor(age.TotalDays)} days")
            : age >= TimeSpan.FromHours(2) ? FormattableString.Invariant($"{Math.Floor(age.TotalHours)} hours")
            : FormattableString.Invariant($"{Math.Max(0, Math.Floor(age.TotalMinutes))} minutes");
    }

    private static long OnDisk(StoreInventory.BlobItem blob) => blob.Names > 1 ? 0 : blob.Size;

    private static List<KeyValuePair<Digest, StoreInventory.BlobItem>> Sorted(Dictionary<Digest, StoreInventory.BlobItem> blobs)
    {
        var sorted = new List<KeyValuePair<Digest, StoreInventory.BlobItem>>(blobs);
        sorted.Sort(static (left, right) => left.Key.CompareTo(right.Key));
        return sorted;
    }

    private static List<StoreInventory.RecordItem> Sorted(IEnumerable<StoreInventory.RecordItem> records)
    {
        var sorted = new List<StoreInventory.RecordItem>(records);
        sorted.Sort(static (left, right) => left.Key.Value.CompareTo(right.Key.Value));
        return sorted;
    }
}
