using LayerCake.Building;
using LayerCake.Recipes;
using LayerCake.TurboMind;

namespace LayerCake.Steps;

/// <summary>The deployable workspace: KV scales merged, quant_policy set, launch files where a release needs them, build record, checksums.</summary>
internal sealed class PackageStep(Recipe recipe) : IBuildStep
{
    public string Name => StepNames.Package;

    public int Version => 1;

    public IReadOnlyList<string> DependsOn => recipe.KvQparams is null ? [StepNames.Convert] : [StepNames.Convert, StepNames.KvQparams];

    public IReadOnlyList<StepInput> Inputs => [];

    /// <summary>The whole recipe: the build record shows it.</summary>
    public void AddTo(IKeyWriter key) => recipe.AddTo(key);

    public void AddEnvironmentTo(IKeyWriter key) => key.Add("layercake", RecipeBuild.ProgramVersion);

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        var workspace = context.OutputFolder;
        var known = TakeOverConverted(context);
        if (recipe.KvQparams is not null)
        {
            KeyValueScaleFiles.Merge(context.InputFolder(StepNames.KvQparams), WorkspacePaths.Weights(workspace), recipe.QuantPolicy);
        }

        if (recipe.Package.LaunchFiles && !recipe.Engine.KeepsQuantPolicy)
        {
            var parallel = recipe.Convert.TensorParallel;
            LaunchFiles.Write(workspace, recipe.Engine.LaunchArguments(".", parallel, recipe.KvQparams?.Cache), parallel.Degree, recipe.QuantPolicy);
        }

        WorkspaceListing.Read(workspace).ThrowIfFaulty();
        var outputs = BuildRecord.OutputsOf(workspace, known, token);
        var record = new BuildRecord
        {
            RecipeName = recipe.Name,
            Recipe = KeyDocument.Of(recipe.AddTo),
            Versions = Versions(),
            Steps = context.Lineage,
            Outputs = outputs,
        };
        File.WriteAllBytes(Path.Combine(workspace, RecipeBuild.RecordFile), record.ToJson());
        WriteChecksums(workspace, outputs, token);
        context.Reporter.Line($"{outputs.Count} files, quant_policy {recipe.QuantPolicy}");
        return Task.CompletedTask;
    }

    /// <summary>All of them are in this step's key, those of calibrate through calibrate's.</summary>
    private Dictionary<string, string> Versions()
    {
        var versions = new Dictionary<string, string> { ["layercake"] = RecipeBuild.ProgramVersion, ["engine"] = recipe.Engine.Name };
        if (recipe.Calibrate is not null)
        {
            versions["numerics"] = CalibrateStep.NumericsFor(recipe);
        }

        return versions;
    }

    /// <summary>Lays out convert's workspace without copying it; only config.ini, which changes, is a copy.</summary>
    /// <returns>The digests of what was not copied.</returns>
    private static Dictionary<RelativePath, Digest> TakeOverConverted(StepContext context)
    {
        var configuration = RelativePath.Parse($"{WorkspacePaths.Models}/weights/{EngineConfigurationFile.FileName}");
        context.TakeOver(StepNames.Convert, path => path != configuration);
        var copy = configuration.Below(context.OutputFolder);
        File.WriteAllBytes(copy, File.ReadAllBytes(configuration.Below(context.InputFolder(StepNames.Convert))));
        return context.InputTree(StepNames.Convert).Entries.OfType<TreeEntry.File>()
            .Where(file => file.Path != configuration)
            .ToDictionary(file => file.Path, file => file.Content);
    }

    /// <summary>The list for <c>sha256sum -c</c>: the record too, links and the list itself left out.</summary>
    private static void WriteChecksums(string workspace, IReadOnlyList<TreeEntry.File> outputs, CancellationToken token)
    {
        var known = outputs.ToDictionary(file => file.Path, file => file.Content);
        var digests = BuildRecord.OutputsOf(workspace, known, token).Select(file => new FileDigest(file.Path.Value, file.Size, file.Content.ToString()));
        Sha256Sums.Write(workspace, digests);
    }
}
