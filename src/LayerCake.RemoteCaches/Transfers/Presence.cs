using LayerCake.Building;

namespace LayerCake.RemoteCaches;

/// <summary>Asks for the presence of many contents, several at once.</summary>
internal static class Presence
{
    /// <returns>Those that <paramref name="isThere"/> denies, in the order of <paramref name="contents"/>. The first failure ends the questions.</returns>
    public static async Task<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyList<KeyValuePair<Digest, long>> contents,
        Func<Digest, long, CancellationToken, Task<bool>> isThere,
        RemoteCacheOptions options,
        CancellationToken token)
    {
        var missing = new bool[contents.Count];
        await Parallel.ForAsync(
            0,
            contents.Count,
            new ParallelOptions { MaxDegreeOfParallelism = options.QuestionsAtOnce, CancellationToken = token },
            async (i, inner) => missing[i] = !await isThere(contents[i].Key, contents[i].Value, inner).ConfigureAwait(false)).ConfigureAwait(false);
        return [.. contents.Where((_, i) => missing[i]).Select(each => each.Key)];
    }
}
