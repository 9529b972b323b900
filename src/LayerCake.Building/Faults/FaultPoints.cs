namespace LayerCake.Building;

/// <summary>
/// The named points of a build: before and after everything that writes. A process killed at any of them, and run again, gives the bytes of an
/// undisturbed build.
/// </summary>
public static class FaultPoints
{
    public const string LockTaken = "lock.taken";
    public const string StepStarted = "step.started";
    public const string StepFinished = "step.finished";
    public const string BlobHashed = "blob.hashed";
    public const string BlobPublished = "blob.published";
    public const string TreePublished = "tree.published";
    public const string RecordWritten = "record.written";
    public const string RecordPublished = "record.published";
    public const string LatestWritten = "latest.written";
    public const string LatestPublished = "latest.published";
    public const string LockReleasing = "lock.releasing";
    public const string PlaceFile = "place.file";
    public const string PlaceBuilt = "place.built";
    public const string PlaceMovedAside = "place.moved-aside";
    public const string PlaceSwapped = "place.swapped";
    public const string PlaceCleaned = "place.cleaned";
    public const string StatCacheWritten = "stat-cache.written";

    /// <summary>All points of this project, in about the order in which a build passes them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        LockTaken, StepStarted, StepFinished, BlobHashed, BlobPublished, TreePublished, RecordWritten, RecordPublished, LatestWritten,
        LatestPublished, LockReleasing, PlaceFile, PlaceBuilt, PlaceMovedAside, PlaceSwapped, PlaceCleaned, StatCacheWritten,
    ];
}
