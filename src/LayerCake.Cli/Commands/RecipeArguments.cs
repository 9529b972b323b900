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

    private readonly Option<string?> _variant = new("--variant")
    {
        Description = "One variant of a recipe that has a matrix, by its name.",
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
        command.Options.Add(_variant);
        command.Options.Add(_overrides);
        command.Options.Add(_artifacts);
        if (force)
        {
            command.Options.Add(Force);
        }
    }

    /// <summary>Reads the one recipe that is meant, checks its model, opens the store.</summary>
    public (RecipeBuild Build, ArtifactStore Store) Open(ParseResult result, bool readOnly)
    {
        var recipe = RecipeReader.Load(FileOf(result), result.GetValue(_overrides)!, result.GetValue(_variant));
        return (RecipeBuild.Open(recipe, result.GetValue(_artifacts)!), OpenStore(result, readOnly));
    }

    /// <summary>Reads the recipe and all variants of its matrix, or the one that is asked for, checks the models, opens the store.</summary>
    public RecipeSession OpenAll(ParseResult result, bool readOnly)
    {
        var file = FileOf(result);
        var artifacts = result.GetValue(_artifacts)!;
        var variants = RecipeReader.LoadAll(file, result.GetValue(_overrides)!);
        var recipes = result.GetValue(_variant) is { } wanted
            ? [RecipeReader.Load(file, result.GetValue(_overrides)!, wanted)]
            : variants.Select(variant => variant.Recipe);
        var builds = recipes.Select(recipe => RecipeBuild.Open(recipe, artifacts)).ToList();
        return new RecipeSession(Path.GetFileNameWithoutExtension(file), variants[0].Values.Count > 0, builds, OpenStore(result, readOnly));
    }

    private string FileOf(ParseResult result) => RecipeLocator.Find(result.GetValue(_recipe)!, Directory.GetCurrentDirectory());

    private ArtifactStore OpenStore(ParseResult result, bool readOnly) =>
        ArtifactStore.Open(RecipeBuild.StoreFolder(result.GetValue(_artifacts)!), new StoreOptions
        {
            ReadOnly = readOnly,
            ProgramVersion = RecipeBuild.ProgramVersion,
            Faults = FaultHook.Parse(Environment.GetEnvironmentVariable(FaultHook.Variable)),
        });
}
