namespace LayerCake.Recipes;

internal static class PackageFields
{
    public static readonly BooleanField LaunchFiles = new(
        "package", "launch_files", "Adds serve.sh and launch.json with the command that serves the workspace as it was made.", @default: true)
    {
        Examples = ["true", "false"],
    };

    public static readonly ChoiceField<ArchiveFormat> Archive = new(
        "package", "archive", "Also puts the package into one file beside its folder; the same package gives the same bytes.",
        [("none", ArchiveFormat.None), ("tar", ArchiveFormat.Tar), ("tar.zst", ArchiveFormat.TarZst)], ArchiveFormat.None)
    {
        Examples = ["none", "tar.zst"],
    };
}
