namespace LayerCake.Building;

/// <summary>Where things lie in a store.</summary>
/// <remarks>
/// <code>
/// cas/sha256/ab/&lt;digest&gt;            content, read-only files
/// steps/&lt;format&gt;/&lt;key&gt;.json         one record per key, written last
/// latest/&lt;format&gt;/&lt;recipe&gt;/&lt;step&gt;.json  the key of the last build of a step of a recipe, to explain a miss
/// parts/&lt;key&gt;/&lt;part key&gt;          what an interrupted run of a step had finished; fields.json beside them says of what
/// placed/&lt;digest of a path&gt;        which tree was placed there
/// stat/&lt;format&gt;                    digests of files by what the file system says of them
/// locks/&lt;name&gt;.lock                taken while something is being made
/// gate                             held by whoever puts content in place, and alone by the collector while it removes
/// parts/&lt;key&gt;/                     what an interrupted step had finished
/// quarantine/                      content whose digest was wrong
/// tmp/                             what running builds are writing; garbage of dead ones is removed
/// </code>
/// </remarks>
internal sealed class StoreLayout(string root)
{
    /// <summary>Version of the records' form and of the key encoding. Another version's records lie in another folder and are left alone.</summary>
    public const int Format = 1;

    public string Root { get; } = root;

    public string Locks => Path.Combine(Root, "locks");

    public string Gate => Path.Combine(Root, "gate");

    public string Parts => Path.Combine(Root, "parts");

    public string Contents => Path.Combine(Root, "cas", "sha256");

    public string Latests => Path.Combine(Root, "latest", "1");

    public string Temporary => Path.Combine(Root, "tmp");

    public string Quarantine => Path.Combine(Root, "quarantine");

    public string StatFile => Path.Combine(Root, "stat", "1");

    public string Records => Path.Combine(Root, "steps", "1");

    public string Blob(Digest digest)
    {
        var hex = digest.ToString();
        return Path.Combine(Contents, hex[..2], hex);
    }

    public string Record(StepKey key) => Path.Combine(Records, $"{key}.json");

    public string PartsOf(StepKey key) => Path.Combine(Parts, key.ToString());

    public string Latest(string recipe, string step) => Path.Combine(Latests, Segment(recipe), $"{Segment(step)}.json");

    public string Placed(string destination) => Path.Combine(Root, "placed", Digest.Of(destination).ToString());

    /// <summary>A name as a file name: itself where it is plain, else the digest of it.</summary>
    private static string Segment(string name)
    {
        var plain = name.Length is > 0 and <= 100 && name[0] is not ('.' or '-');
        foreach (var c in name)
        {
            plain &= char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-';
        }

        return plain ? name : $"sha256-{Digest.Of(name)}";
    }
}
