using System.CommandLine;
using LayerCake.Building;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>The options that the commands over a store have.</summary>
internal sealed class CacheArguments
{
    private const string LockPattern = "*.lock";

    private readonly Option<string> _artifacts = new("--artifacts")
    {
        Description = $"The folder for what is made, the store in .cache below it. The environment variable {RecipeArguments.ArtifactsVariable} names another default.",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(RecipeArguments.ArtifactsVariable) is { Length: > 0 } folder ? folder : "artifacts",
    };

    private readonly Option<string[]> _roots = new("--root")
    {
        Description = "A lock record, or a folder of lock records, whose results stay. May be repeated; the folder recipes counts where it is not given.",
        HelpName = "PATH",
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = _ => [],
    };

    public Option<bool> Json { get; } = new("--json") { Description = "Prints the same as JSON." };

    public void AddTo(Command command, bool roots = false, bool json = false)
    {
        command.Options.Add(_artifacts);
        if (roots)
        {
            command.Options.Add(_roots);
        }

        if (json)
        {
            command.Options.Add(Json);
        }
    }

    public ArtifactStore Open(ParseResult result, bool readOnly) =>
        ArtifactStore.Open(RecipeBuild.StoreFolder(result.GetValue(_artifacts)!), new StoreOptions
        {
            ReadOnly = readOnly,
            ProgramVersion = RecipeBuild.ProgramVersion,
            Faults = FaultHook.Parse(Environment.GetEnvironmentVariable(FaultHook.Variable)),
        });

    /// <summary>The keys of the lock records. One that cannot be read is an error: what it names would be lost.</summary>
    public IReadOnlyCollection<StepKey> Roots(ParseResult result)
    {
        var given = result.GetValue(_roots)!;
        var files = new List<string>();
        foreach (var path in given.Length > 0 ? given : ["recipes"])
        {
            if (Directory.Exists(path))
            {
                files.AddRange(Directory.EnumerateFiles(path, LockPattern));
            }
            else if (given.Length > 0)
            {
                files.Add(path);
            }
        }

        return [.. files.SelectMany(file => LockRecord.Read(file).StepKeys)];
    }
}
