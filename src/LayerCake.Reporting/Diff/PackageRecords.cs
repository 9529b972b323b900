namespace LayerCake.Reporting;

/// <summary>The files of a package that tell of the others.</summary>
internal static class PackageRecords
{
    public const string BuildRecord = "build.json";

    private static readonly HashSet<string> Names = new(StringComparer.Ordinal)
    {
        BuildRecord, "SHA256SUMS", "provenance.intoto.json", "bom.cdx.json", "model.sig",
    };

    public static bool IsRecord(string path) => Names.Contains(path);
}
