using LayerCake.Building;
using LayerCake.Calibration;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Provenance;
using LayerCake.Recipes;
using LayerCake.Torch;

namespace LayerCake.Steps;

/// <summary>A recipe, found to be buildable from headers alone: its model is there, complete, and nothing of it is beyond the engine.</summary>
public sealed class RecipeBuild
{
    /// <summary>Bytes of a file that takes the better part of a second to read.</summary>
    private const long LongRead = 1L << 30;

    private readonly IReadOnlyList<string> _weightFiles;

    private RecipeBuild(Recipe recipe, string outputFolder, IReadOnlyList<string> weightFiles, IReadOnlyList<IBuildStep> steps)
    {
        Recipe = recipe;
        _weightFiles = weightFiles;
        OutputFolder = outputFolder;
        Steps = steps;
    }

    private const int StubSamples = 2;
    private const int StubSequenceLength = 64;

    /// <summary>Name of the build record in a package.</summary>
    public const string RecordFile = PackageFiles.BuildRecord;

    /// <summary>LayerCake's version, in build records and keys.</summary>
    public static string ProgramVersion { get; } = typeof(RecipeBuild).Assembly.GetName().Version!.ToString(3);

    public Recipe Recipe { get; }

    /// <summary>Where the finished workspace goes: <c>artifacts/NAME</c>.</summary>
    public string OutputFolder { get; }

    /// <summary>Where the archive goes, beside <see cref="OutputFolder"/>; null where the recipe wants none.</summary>
    public string? ArchiveFile => Recipe.Package.Archive == ArchiveFormat.None
        ? null
        : Path.Combine(Path.GetDirectoryName(OutputFolder)!, ArchiveStep.FileName(Recipe));

    /// <summary>The steps the recipe has, each after those it depends on; the last one is package, or archive where the recipe wants one.</summary>
    public IReadOnlyList<IBuildStep> Steps { get; }

    /// <summary>Where the artifact store of an artifacts folder lies.</summary>
    public static string StoreFolder(string artifactsFolder) => Path.Combine(artifactsFolder, ".cache");

    /// <summary>Opens a recipe's model and checks everything that can be known before a weight is read.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="artifactsFolder">Below it lie the outputs and the store.</param>
    /// <param name="signingKey">Signs the package; null leaves it unsigned.</param>
    public static RecipeBuild Open(Recipe recipe, string artifactsFolder, SigningKey? signingKey = null)
    {
        var modelFolder = recipe.ResolveModel();
        using var model = HuggingFaceFolder.Open(modelFolder);
        var configuration = ModelConfiguration.Read(model);
        recipe = ModelCheck.WithMethod(recipe, configuration);
        ModelCheck.Run(recipe, model, configuration);
        var outputFolder = Path.Combine(Path.GetFullPath(artifactsFolder), recipe.Name);
        return new RecipeBuild(recipe, outputFolder, model.WeightFiles, StepsOf(recipe, model, outputFolder, signingKey));
    }

    /// <summary>
    /// Begins to make a GPU ready, where one will calibrate and there is time for it: weights whose digests the store does not know are read for the plan first, and a
    /// model that is new to the store is one to calibrate.
    /// </summary>
    public void WarmUp(ArtifactStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (Recipe.Calibrate is not null
            && TorchDevices.ResolveKind(CalibrateStep.DeviceName(Recipe.Execution.Device)) == DeviceKind.Cuda
            && _weightFiles.Any(path => FileStat.Of(path) is { Size: >= LongRead } stat && store.Stats.Find(stat) is null))
        {
            _ = DeviceWarmUp.Begin();
        }
    }

    /// <summary>
    /// The recipe's whole graph on a made-up checkpoint of the model's kind, two layers of the least width: what fails for the machine, the tokenizer, the text or
    /// the settings fails in seconds. The real model is checked as <see cref="Open"/> does, and none of its weights is read. Keys and name say that it is a stub, and it is not signed.
    /// </summary>
    /// <param name="recipe">The recipe as it is meant.</param>
    /// <param name="artifactsFolder">Below it lie the outputs and the store.</param>
    /// <param name="scratch">Takes the made-up checkpoint, which must stay until the build has ended.</param>
    public static RecipeBuild OpenStub(Recipe recipe, string artifactsFolder, string scratch)
    {
        using var real = HuggingFaceFolder.Open(recipe.ResolveModel());
        var configuration = ModelConfiguration.Read(real);
        recipe = ModelCheck.WithMethod(recipe, configuration);
        ModelCheck.Run(recipe, real, configuration);
        var stub = recipe with
        {
            Name = StubName(recipe.Name),
            Calibrate = recipe.Calibrate is { } calibrate
                ? calibrate with { Samples = Math.Min(calibrate.Samples, StubSamples), SequenceLength = Math.Min(calibrate.SequenceLength, StubSequenceLength) }
                : null,
            // Made-up weights have no quality to hold against a limit.
            Evaluate = recipe.Evaluate is { } evaluate
                ? evaluate with { Window = Math.Min(evaluate.Window, StubSequenceLength), Windows = StubSamples, MaxPerplexityIncrease = null, MaxKl = null }
                : null,
        };
        var folder = Path.Combine(scratch, stub.Name);
        StubModel.Write(real, StubSize.Of(recipe, configuration, ModelCheck.WeightTypeOf(recipe, real)), folder);
        using var model = HuggingFaceFolder.Open(folder);
        ModelCheck.Run(stub, model, ModelConfiguration.Read(model));
        var outputFolder = Path.Combine(Path.GetFullPath(artifactsFolder), stub.Name);
        return new RecipeBuild(stub, outputFolder, model.WeightFiles, [.. StepsOf(stub, model, outputFolder).Select(step => new StubStep(step))]);
    }

    /// <summary>What the stub of a recipe is called.</summary>
    public static string StubName(string recipe) => $"{recipe}-stub";

    /// <summary>The steps of a recipe that may or may not be buildable.</summary>
    internal static IReadOnlyList<IBuildStep> StepsOf(Recipe recipe, HuggingFaceFolder model, string outputFolder, SigningKey? signingKey = null)
    {
        var weights = ModelFiles.Weights(model);
        var sideFiles = ModelFiles.SideFiles(model);
        var steps = new List<IBuildStep>();
        var tokenizer = ModelFiles.Tokenizer(model);
        var read = new List<StepInput> { weights, tokenizer, sideFiles };
        var dataset = recipe.Calibrate is null ? null : StepInput.File("dataset", recipe.ResolveDataset());
        if (dataset is not null && recipe.ReadsStatistics)
        {
            steps.Add(new CalibrateStep(recipe, recipe.Calibrate!, model.Path, [weights, tokenizer, dataset]));
        }

        if (dataset is not null && (recipe.ReadsStatistics || recipe.AutoAwq?.ReadsSamples() == true))
        {
            read.Add(dataset);
        }

        if (recipe.KvQparams is { } kvQparams)
        {
            steps.Add(new KvQparamsStep(recipe, kvQparams));
        }

        if (recipe.AutoAwq is { } autoAwq)
        {
            IReadOnlyList<StepInput> inputs = autoAwq.ReadsSamples() ? [weights, sideFiles, tokenizer, dataset!] : [weights, sideFiles];
            steps.Add(new AutoAwqStep(recipe, autoAwq, model.Path, inputs));
        }

        steps.Add(new ConvertStep(recipe, model.Path, Shown(outputFolder), recipe.AutoAwq is null ? [weights, sideFiles] : []));
        if (recipe.Evaluate is { } evaluate)
        {
            var text = StepInput.File("evaluation_text", recipe.ResolveEvaluationText());
            steps.Add(new EvaluateStep(recipe, evaluate, model.Path, [weights, tokenizer, text]));
            read.Add(text);
        }

        steps.Add(new PackageStep(recipe, model.Path, read, signingKey));
        if (recipe.Package.Archive != ArchiveFormat.None)
        {
            steps.Add(new ArchiveStep(recipe));
        }

        return steps;
    }

    /// <summary>Relative to the working folder where it lies below it: <c>artifacts/NAME</c>.</summary>
    private static string Shown(string folder)
    {
        var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), folder);
        return relative.StartsWith("..", StringComparison.Ordinal) ? folder : relative;
    }
}
