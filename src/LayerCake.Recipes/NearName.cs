namespace LayerCake.Recipes;

/// <summary>The "did you mean" of messages.</summary>
public static class NearName
{
    // Longer texts are no typing mistakes, and the comparison takes the product of both lengths.
    private const int LongestName = 64;

    /// <summary>
    /// The candidate that <paramref name="name"/> is most likely a misspelling of: equal but for case, <c>-</c> and <c>_</c>, or at most a
    /// third of its letters away; null when none is near. The first of equally near ones wins.
    /// </summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        if (name.Length is 0 or > LongestName)
        {
            return null;
        }

        var wanted = Simplify(name);
        string? best = null;
        var bestDistance = int.MaxValue;
        foreach (var candidate in candidates)
        {
            if (candidate.Length > LongestName)
            {
                continue;
            }

            var distance = Distance(wanted, Simplify(candidate));
            if (distance < bestDistance && distance <= Math.Max(1, Math.Min(wanted.Length, candidate.Length) / 3))
            {
                (best, bestDistance) = (candidate, distance);
            }
        }

        return best;
    }

    private static string Simplify(string name) => name.Replace('-', '_').ToLowerInvariant();

    /// <summary>Edits that turn one into the other; two swapped neighbours count as one (optimal string alignment).</summary>
    internal static int Distance(string a, string b)
    {
        var beforeLast = new int[b.Length + 1];
        var last = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
        {
            last[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = a[i - 1] == b[j - 1] ? 0 : 1;
                var least = Math.Min(Math.Min(last[j] + 1, current[j - 1] + 1), last[j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    least = Math.Min(least, beforeLast[j - 2] + 1);
                }

                current[j] = least;
            }

            (beforeLast, last, current) = (last, current, beforeLast);
        }

        return last[b.Length];
    }
}
