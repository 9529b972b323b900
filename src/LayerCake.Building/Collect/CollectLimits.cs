namespace LayerCake.Building;

/// <summary>What a collection keeps to. Without any limit only rubbish goes: content that nothing names, damaged records, what dead builds left.</summary>
public sealed record CollectLimits
{
    /// <summary>How large the store may be, in bytes.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>How long a result stays after its last use.</summary>
    public TimeSpan? KeepFor { get; init; }

    /// <summary>How many bytes shall be free on the store's disk.</summary>
    public long? MinFreeBytes { get; init; }

    /// <summary>
    /// How long after its last use a result stays in any case. A build whose steps are processes of their own has moments without a process to pin what the next
    /// one needs.
    /// </summary>
    internal static TimeSpan Grace { get; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How old content that no record names must be to count as rubbish: a step that has stored its output and not yet its record, or a download that was
    /// interrupted and will go on, is younger.
    /// </summary>
    internal static TimeSpan RubbishAge { get; } = TimeSpan.FromHours(1);

    /// <summary>How long the finished parts of an interrupted step stay where no <see cref="KeepFor"/> is given.</summary>
    internal static TimeSpan KeepPartsFor { get; } = TimeSpan.FromDays(30);
}
