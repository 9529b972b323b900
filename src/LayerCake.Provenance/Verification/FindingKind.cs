namespace LayerCake.Provenance;

/// <summary>What is wrong with a package.</summary>
public enum FindingKind
{
    /// <summary>A file has other bytes than the records say.</summary>
    Changed,

    /// <summary>A file is there that the records do not know.</summary>
    Added,

    /// <summary>A file is gone.</summary>
    Missing,

    /// <summary>A file lies under another name.</summary>
    Renamed,

    /// <summary>A symbolic link is new, gone, or leads elsewhere.</summary>
    Link,

    /// <summary>Something that no package holds: a device, a hard link in an archive, an unusable name.</summary>
    Special,

    /// <summary>A record is damaged, or two records contradict each other.</summary>
    Record,

    /// <summary>The signature is missing, damaged, or another key's.</summary>
    Signature,
}
