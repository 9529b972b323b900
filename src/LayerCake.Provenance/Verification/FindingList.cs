namespace LayerCake.Provenance;

/// <summary>Findings, each file's once, with all records that witness it.</summary>
internal sealed class FindingList(PackageInventory inventory)
{
    private readonly List<VerificationFinding> _other = [.. inventory.Faults];
    private readonly SortedDictionary<string, (string Expected, List<string> Witnesses)> _wrong = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, List<string>> _added = new(StringComparer.Ordinal);

    /// <param name="kind">What.</param>
    /// <param name="path">Where.</param>
    /// <param name="message">The rest of the sentence.</param>
    /// <param name="witness">The record that disagrees with what is there; null where it is none.</param>
    public void Add(FindingKind kind, string path, string message, string? witness = null) =>
        _other.Add(new VerificationFinding(kind, path, message) { Witnesses = witness is null ? [] : [witness] });

    /// <summary>Compares what is there with what a record says.</summary>
    /// <param name="witness">The record.</param>
    /// <param name="expected">Digests by path.</param>
    /// <param name="present">What is there and should be in the record.</param>
    public void Compare(string witness, IReadOnlyDictionary<string, string> expected, IEnumerable<PackageFile> present)
    {
        var found = present.ToDictionary(file => file.Path, StringComparer.Ordinal);
        foreach (var (path, digest) in expected)
        {
            if (found.GetValueOrDefault(path)?.Sha256 != digest)
            {
                if (!_wrong.TryGetValue(path, out var known))
                {
                    _wrong[path] = known = (digest, []);
                }

                if (known.Expected == digest)
                {
                    known.Witnesses.Add(witness);
                }
                else
                {
                    Add(FindingKind.Record, witness, $"says {digest} for '{path}', {known.Witnesses[0]} says {known.Expected}");
                }
            }
        }

        foreach (var path in found.Keys.Where(path => !expected.ContainsKey(path)))
        {
            if (!_added.TryGetValue(path, out var witnesses))
            {
                _added[path] = witnesses = [];
            }

            witnesses.Add(witness);
        }
    }

    public IReadOnlyList<VerificationFinding> ToList()
    {
        var added = new SortedDictionary<string, List<string>>(_added, StringComparer.Ordinal);
        var result = new List<VerificationFinding>(_other);
        foreach (var (path, (expected, witnesses)) in _wrong)
        {
            if (inventory.FindFile(path) is { } there)
            {
                var other = _wrong.FirstOrDefault(file => file.Key != path && file.Value.Expected == there.Sha256).Key;
                var swap = other is null ? "" : $"; it is the content of '{other}'";
                result.Add(new VerificationFinding(FindingKind.Changed, path, $"changed: {Names(witnesses)} sha256 {expected}, the file has {there.Sha256}{swap}")
                {
                    Expected = expected,
                    Actual = there.Sha256,
                    Witnesses = witnesses,
                });
                continue;
            }

            var moved = added.Keys.FirstOrDefault(candidate => inventory.FindFile(candidate)?.Sha256 == expected);
            if (moved is not null)
            {
                added.Remove(moved);
            }

            var message = moved is null
                ? $"missing: {Names(witnesses)} sha256 {expected}"
                : $"renamed to '{moved}', which has its content, sha256 {expected}";
            result.Add(new VerificationFinding(moved is null ? FindingKind.Missing : FindingKind.Renamed, path, message)
            {
                Expected = expected,
                Actual = moved is null ? null : expected,
                Witnesses = witnesses,
            });
        }

        foreach (var (path, witnesses) in added)
        {
            var digest = inventory.FindFile(path)?.Sha256;
            result.Add(new VerificationFinding(
                FindingKind.Added, path, $"added: {string.Join(", ", witnesses)} {(witnesses.Count == 1 ? "does" : "do")} not know it; the file has sha256 {digest}")
            {
                Actual = digest,
                Witnesses = witnesses,
            });
        }

        return result;
    }

    private static string Names(List<string> witnesses) => $"{string.Join(", ", witnesses)} {(witnesses.Count == 1 ? "says" : "say")}";
}
