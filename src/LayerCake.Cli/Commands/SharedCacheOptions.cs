using System.CommandLine;
using LayerCake.Building;
using LayerCake.Cli.Console;
using LayerCake.RemoteCaches;

namespace LayerCake.Cli.Commands;

/// <summary>Which shared cache a command uses, and whether it writes there.</summary>
internal sealed class SharedCacheOptions
{
    /// <summary>Environment variable for <c>--cache</c>.</summary>
    public const string Variable = "LAYERCAKE_CACHE";

    /// <summary>Environment variable for <c>--cache-mode</c>.</summary>
    public const string ModeVariable = "LAYERCAKE_CACHE_MODE";

    private const string ReadOnly = "read-only";
    private const string ReadWrite = "read-write";

    private readonly Option<string?> _location = new("--cache")
    {
        Description = $"A cache that machines share: s3://bucket/prefix, https://host/path or a folder. The environment variable {Variable} names a default.",
        HelpName = "LOCATION",
    };

    private readonly Option<string?> _mode = new("--cache-mode")
    {
        Description = $"{ReadWrite} (default) puts there what runs here; {ReadOnly} does not. The environment variable {ModeVariable} names another default.",
        HelpName = "MODE",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_location);
        command.Options.Add(_mode);
    }

    /// <summary>The cache; null where none is asked for.</summary>
    public SharedCache? Open(ParseResult result)
    {
        var (mode, where) = result.GetValue(_mode) is { } given ? (given, "--cache-mode") : (Environment.GetEnvironmentVariable(ModeVariable), ModeVariable);
        if (mode is not (null or "" or ReadOnly or ReadWrite))
        {
            throw new UsageException($"{where} is {ReadOnly} or {ReadWrite}, not '{mode}'.");
        }

        var location = result.GetValue(_location) ?? Environment.GetEnvironmentVariable(Variable);
        return string.IsNullOrEmpty(location)
            ? null
            : new SharedCache(RemoteCaches.RemoteCaches.Open(location), canWrite: mode != ReadOnly, WarningReporter.Instance);
    }
}
