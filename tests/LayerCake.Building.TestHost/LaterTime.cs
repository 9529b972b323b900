namespace LayerCake.Building.TestHost;

/// <summary>The system's clock, set forward: what files say of themselves cannot be set back, so the clock goes ahead of them.</summary>
public sealed class LaterTime(TimeSpan ahead) : TimeProvider
{
    public TimeSpan Ahead { get; set; } = ahead;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;
}
