namespace LayerCake.RemoteCaches.Tests;

/// <summary>Bytes of one test's own, with their digest.</summary>
internal sealed record Contents(byte[] Bytes)
{
    public Digest Digest { get; } = Digest.Of(Bytes);

    public long Size => Bytes.LongLength;

    public KeyValuePair<Digest, long> Question => new(Digest, Size);

    /// <summary>Nobody else's bytes: servers are shared between tests.</summary>
    public static Contents New(int size)
    {
        var bytes = new byte[size];
        new Random(Guid.NewGuid().GetHashCode()).NextBytes(bytes);
        return new Contents(bytes);
    }

    public static Digest NewKey() => Digest.Of(Guid.NewGuid().ToByteArray());

    public Stream Open() => new MemoryStream(Bytes, writable: false);
}
