using System.CommandLine;
using LayerCake.Building;
using LayerCake.Recipes;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>The options that every command over a recipe has.</summary>
internal sealed class RecipeArguments
{
    /// <summary>Environment variable for <c>--artifacts</c>.</summary>
    public const string ArtifactsVariable = "LAYERCAKE_ARTIFACTS";

    private readonly Option<string> _recipe = new("--recipe", "-r")
    {
        Description = "The recipe: a file, or the name of one in recipes/.",
        Required = true,
        HelpName = "NAME",
    };

    private readonly Option<string[]> _overrides = new("--set")
    {
        Description = "Overrides one value of the recipe, for example calibrate.samples=16. May be repeated.",
        HelpName = "KEY=VALUE",
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string> _artifacts = new("--artifacts")
    {
        Description = $"The folder for what is made, the store in .cache below it. The environment variable {ArtifactsVariable} names another default.",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(ArtifactsVariable) is { Length: > 0 } folder ? folder : "artifacts",
    };

    public Option<bool> Force { get; } = new("--force") { Description = "Runs though the result is there; the new one takes its place." };

    public void AddTo(Command command, bool force = true)
    {
        command.Options.Add(_recipe);
        command.Options.Add(_overrides);
        command.Options.Add(_artifacts);
        if (force)
        {
            command.Options.Add(Force);
        }
    }

    /// <summary>Reads the recipe, checks its model, opens the store.</summary>
    public (RecipeBuild Build, ArtifactStore Store) Open(ParseResult result, bool readOnly)
    {
        var file = RecipeLocator.Find(result.GetValue(_recipe)!, Directory.GetCurrentDirectory());
        var recipe = RecipeReader.Load(file, result.GetValue(_overrides)!);
        var artifacts = result.GetValue(_artifacts)!;
        var build = RecipeBuild.Open(recipe, artifacts);
        var store = ArtifactStore.Open(RecipeBuild.StoreFolder(artifacts), new StoreOptions
        {
            ReadOnly = readOnly,
            ProgramVersion = RecipeBuild.ProgramVersion,
            Faults = FaultHook.Parse(Environment.GetEnvironmentVariable(FaultHook.Variable)),
        });
        return (build, store);
    }
}
