using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using LayerCake.Building;
using LayerCake.RemoteCaches;

namespace LayerCake.Benchmarks;

/// <summary>One transfer between a file and a remote cache; <c>remote.sh</c> compares it with curl.</summary>
internal static class Transfer
{
    /// <summary>Prints the seconds that the transfer took and the seconds of processor time it cost, the start of the program not counted.</summary>
    /// <param name="verb"><c>put</c>; <c>get</c>, which throws the bytes away; <c>check</c>, which gets and hashes them.</param>
    /// <param name="location">Of the cache.</param>
    /// <param name="file">What is put, or was.</param>
    public static async Task RunAsync(string verb, string location, string file)
    {
        Digest digest;
        await using (var content = File.OpenRead(file))
        {
            digest = new Digest(await SHA256.HashDataAsync(content));
        }

        var size = new FileInfo(file).Length;
        using var cache = LayerCake.RemoteCaches.RemoteCaches.Open(location);
        // The first request loads libraries and makes the connection.
        await cache.GetEntryAsync(digest, 1 << 20, CancellationToken.None);
        var before = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        if (verb == "put")
        {
            await cache.PutContentAsync(digest, size, () => new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0), CancellationToken.None);
        }
        else
        {
            using var hash = SHA256.Create();
            var sink = verb == "check" ? new CryptoStream(Stream.Null, hash, CryptoStreamMode.Write, leaveOpen: true) : Stream.Null;
            if (!await cache.GetContentAsync(digest, size, () => sink, CancellationToken.None) || verb == "check" && new Digest(hash.Hash) != digest)
            {
                throw new InvalidOperationException($"{location} does not have {digest}");
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{watch.Elapsed.TotalSeconds:0.000} {(Environment.CpuUsage.TotalTime - before).TotalSeconds:0.000}"));
    }
}
