namespace LayerCake.Recipes;

internal static class PackageFields
{
    public static readonly BooleanField LaunchFiles = new(
        "package", "launch_files", "Adds serve.sh and launch.json with the command that serves the workspace as it was made.", @default: true)
    {
        Examples = ["true", "false"],
    };
}
