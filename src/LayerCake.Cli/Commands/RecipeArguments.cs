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

    private readonly Option<string?> _device = new("--device")
    {
        Description = "Where tensors are computed: auto, cpu or cuda. The same as --set execution.device=...",
        HelpName = "DEVICE",
    };

    private readonly Option<string> _artifacts = new("--artifacts")
    {
        Description = $"The folder for what is made, the store in .cache below it. The environment variable {ArtifactsVariable} names another default.",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(ArtifactsVariable) is { Length: > 0 } folder ? folder : "artifacts",
    };

    public Option<bool> Force { get; } = new("--force") { Description = "Runs though the result is there; the new one takes its place." };

    private readonly Option<bool> _locked = new("--locked")
    {
        Description = "Refuses when the inputs, or what comes out, are not those of the recipe's lock record (see layercake lock).",
    };

    private readonly Option<bool> _stub = new("--stub")
    {
        Description = "Runs the whole graph on a small made-up checkpoint of the same kind, in seconds. What it makes is called NAME-stub and is never taken for a real result.",
    };

    private readonly SharedCacheOptions _cache = new();

    private readonly Option<string?> _signKey = new("--sign-key")
    {
        Description = $"Signs the package with this private key (PEM: P-256, P-384 or P-521). {SigningKeys.TextVariable} (the PEM text) or {SigningKeys.FileVariable} name a default.",
        HelpName = "FILE",
    };

    /// <param name="command">Takes the options.</param>
    /// <param name="force">Whether it has --force.</param>
    /// <param name="building">Whether it is about a build: of one variant perhaps, held to the lock record, with a signed package.</param>
    public void AddTo(Command command, bool force = true, bool building = true)
    {
        command.Options.Add(_recipe);
        if (building)
        {
            command.Options.Add(_variant);
        }

        command.Options.Add(_overrides);
        command.Options.Add(_device);
        command.Options.Add(_artifacts);
        if (building)
        {
            command.Options.Add(_locked);
            command.Options.Add(_stub);
        }

        _cache.AddTo(command);
        if (building)
        {
            command.Options.Add(_signKey);
        }

        if (force)
        {
            command.Options.Add(Force);
        }
    }

    /// <summary>Reads the recipe and all variants of its matrix, or the one that is asked for, checks the models, opens store and cache.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="readOnly">Nothing may be written.</param>
    /// <param name="single">Only one recipe makes sense: where there are variants, one must be chosen.</param>
    /// <param name="sign">Whether a package that is built would be signed with the key that is given.</param>
    public RecipeSession Open(ParseResult result, bool readOnly, bool single = false, bool sign = true)
    {
        var file = RecipeLocator.Find(result.GetValue(_recipe)!, Directory.GetCurrentDirectory());
        var overrides = result.GetValue(_overrides)!;
        if (result.GetValue(_device) is { } device)
        {
            overrides = [.. overrides, $"execution.device={device}"];
        }

        var stub = result.GetValue(_stub);
        RefuseWithStub(result, stub);
        // Whoever asks for a stub may call a variant by its stub's name, too.
        var named = result.GetValue(_variant);
        var variants = RecipeReader.LoadAll(file, overrides);
        var variant = stub ? variants.FirstOrDefault(each => RecipeBuild.StubName(each.Recipe.Name) == named)?.Recipe.Name ?? named : named;
        var hasMatrix = variants[0].Values.Count > 0;
        var recipes = variant is not null || (single && hasMatrix) ? [RecipeReader.Load(file, overrides, variant)] : variants.Select(each => each.Recipe);
        var artifacts = result.GetValue(_artifacts)!;
        var key = sign && !stub ? SigningKeys.Find(result.GetValue(_signKey)) : null;
        var store = OpenStore(result, readOnly);
        string? scratch = null;
        try
        {
            scratch = !stub ? null : readOnly ? Directory.CreateTempSubdirectory("layercake-stub-").FullName : store.NewTemporaryFolder();
            var builds = recipes.Select(recipe => scratch is null ? RecipeBuild.Open(recipe, artifacts, key) : RecipeBuild.OpenStub(recipe, artifacts, scratch)).ToList();
            return new RecipeSession
            {
                File = file,
                HasMatrix = hasMatrix,
                HasAll = builds.Count == variants.Count,
                IsStub = stub,
                Scratch = scratch,
                Builds = builds,
                Store = store,
                Cache = _cache.Open(result),
                Lock = result.GetValue(_locked) ? LockRecord.Read(LockRecord.PathOf(file)) : null,
            };
        }
        catch
        {
            store.Dispose();
            if (Directory.Exists(scratch))
            {
                Directory.Delete(scratch, recursive: true);
            }

            throw;
        }
    }

    private void RefuseWithStub(ParseResult result, bool stub)
    {
        if (stub && result.GetValue(_locked))
        {
            throw new UsageException("--stub and --locked do not go together: a stub is in no lock record.");
        }

        if (stub && result.GetValue(_signKey) is not null)
        {
            throw new UsageException("--stub and --sign-key do not go together: a stub is never signed.");
        }
    }

    private ArtifactStore OpenStore(ParseResult result, bool readOnly) =>
        ArtifactStore.Open(RecipeBuild.StoreFolder(result.GetValue(_artifacts)!), new StoreOptions
        {
            ReadOnly = readOnly,
            ProgramVersion = RecipeBuild.ProgramVersion,
            Faults = FaultHook.Parse(Environment.GetEnvironmentVariable(FaultHook.Variable)),
        });
}
