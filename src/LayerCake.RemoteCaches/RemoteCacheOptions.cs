namespace LayerCake.RemoteCaches;

/// <summary>How patient a remote cache is, how much it does at once, and where it finds its settings.</summary>
public sealed record RemoteCacheOptions
{
    /// <summary>How long making a connection may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a transfer may stand still. There is no limit on its whole time: large content takes as long as it takes.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often one request is tried in all.</summary>
    public int Tries { get; init; } = 3;

    /// <summary>The wait before the second try; it doubles with each further one, and a random half is taken off or put on.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest wait between two tries, whatever the server asks for.</summary>
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How many questions for presence are under way at once.</summary>
    public int QuestionsAtOnce { get; init; } = 32;

    /// <summary>S3: content of more bytes is uploaded in parts.</summary>
    public long MultipartThreshold { get; init; } = 64L << 20;

    /// <summary>S3: bytes of a part, all but the last, at least 5 MiB as S3 demands; larger where 10,000 parts would not do.</summary>
    public int PartSize { get; init; } = 32 << 20;

    /// <summary>S3: how many parts of one upload are under way at once; each holds its bytes in memory.</summary>
    public int PartsAtOnce { get; init; } = 3;

    /// <summary>Reads a setting by its name, null where it is not set. Default: the environment of this process.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;

    /// <summary>Clock of timeouts and waits.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Tries, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(QuestionsAtOnce, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(PartsAtOnce, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(PartSize, 5 << 20);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ConnectTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(IdleTimeout, TimeSpan.Zero);
    }
}
