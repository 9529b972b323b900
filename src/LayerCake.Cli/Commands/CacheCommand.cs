using System.CommandLine;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake cache</c>: looking after the artifact store.</summary>
internal static class CacheCommand
{
    public static Command Create() => new("cache", "Looks after the artifact store: lists, collects, verifies, exports and imports results.")
    {
        CacheLsCommand.Create(),
        CacheGcCommand.Create(),
        CacheVerifyCommand.Create(),
        CacheExportCommand.Create(),
        CacheImportCommand.Create(),
    };
}
