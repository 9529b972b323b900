namespace LayerCake.Text.Chat;

/// <summary>The "did you mean" for template names.</summary>
internal static class NearestName
{
    /// <summary>The candidate that the fewest edits away from a name, case aside, at most a third of its letters; null when none is near.</summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        var wanted = name.ToLowerInvariant();
        return wanted.Length > 64 ? null : candidates
            .Select(candidate => (Name: candidate, Distance: Distance(wanted, candidate.ToLowerInvariant())))
            .Where(near => near.Distance <= Math.Max(1, Math.Min(wanted.Length, near.Name.Length) / 3))
            .OrderBy(near => near.Distance)
            .Select(near => near.Name)
            .FirstOrDefault();
    }

    /// <summary>Insertions, deletions and replacements that turn one into the other (Levenshtein).</summary>
    private static int Distance(string a, string b)
    {
        var last = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = last[0];
            last[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = last[j];
                last[j] = Math.Min(replaced, Math.Min(last[j], last[j - 1]) + 1);
            }
        }

        return last[b.Length];
    }
}
