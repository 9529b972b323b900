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
    public const string PartWritten = "part.written";
    public const string PartPublished = "part.published";
    public const string PartRemoved = "part.removed";
    public const string PartsCleared = "parts.cleared";
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
    public const string PinsWritten = "pins.written";
    public const string RemoteContent = "remote.content";
    public const string RemoteFetched = "remote.fetched";
    public const string RemotePushed = "remote.pushed";
    public const string RemoteRecorded = "remote.recorded";
    public const string CollectRecord = "collect.record";
    public const string CollectBlob = "collect.blob";
    public const string CollectParts = "collect.parts";
    public const string ImportContent = "import.content";
    public const string ImportRecord = "import.record";
    public const string ExportWritten = "export.written";

    /// <summary>All points that a build without a shared cache passes, in about the order in which it passes them.</summary>
    public static IReadOnlyList<string> Build { get; } =
    [
        LockTaken, PinsWritten, StepStarted, StepFinished, BlobHashed, BlobPublished, TreePublished,
        RecordWritten, RecordPublished, LatestWritten, LatestPublished, PartsCleared, LockReleasing, PlaceFile, PlaceBuilt, PlaceMovedAside, PlaceSwapped, PlaceCleaned, StatCacheWritten,
    ];

    /// <summary>The points of steps that keep what they have finished.</summary>
    public static IReadOnlyList<string> Parts { get; } = [PartWritten, PartPublished, PartRemoved];

    /// <summary>The points of a build with a shared cache beyond those.</summary>
    public static IReadOnlyList<string> Remote { get; } = [RemoteContent, RemoteFetched, RemotePushed, RemoteRecorded];

    /// <summary>The points of looking after the store.</summary>
    public static IReadOnlyList<string> Upkeep { get; } = [CollectRecord, CollectBlob, CollectParts, ImportContent, ImportRecord, ExportWritten];

    /// <summary>All points of this project.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Build, .. Parts, .. Remote, .. Upkeep];
}
