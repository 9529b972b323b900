using LayerCake.Building;
using LayerCake.Provenance;
using LayerCake.Recipes;
using LayerCake.TurboMind;

namespace LayerCake.Steps;

/// <summary>
/// The deployable workspace: KV scales merged, quant_policy set, launch files where a release needs them, the figures that were measured; then what says where it
/// comes from: build record, bill of materials, provenance, checksums, and a signature where there is a key.
/// </summary>
/// <param name="recipe">The recipe.</param>
/// <param name="modelFolder">Full path of the float model.</param>
/// <param name="inputs">Everything that the build reads: the provenance names each file of it. The steps before have them in their keys too.</param>
/// <param name="signingKey">Signs the package; null leaves it unsigned.</param>
internal sealed class PackageStep(Recipe recipe, string modelFolder, IReadOnlyList<StepInput> inputs, SigningKey? signingKey) : IBuildStep
{
    public string Name => StepNames.Package;

    public int Version => 2;

    public IReadOnlyList<string> DependsOn =>
    [
        StepNames.Convert,
        .. recipe.KvQparams is null ? (string[])[] : [StepNames.KvQparams],
        .. recipe.Evaluate is null ? (string[])[] : [StepNames.Evaluate],
    ];

    public IReadOnlyList<StepInput> Inputs => inputs;

    public StepDemand Demand => StepDemand.Light;

    /// <summary>The whole recipe: the build record shows it.</summary>
    public void AddTo(IKeyWriter key) => recipe.AddTo(key);

    public void AddEnvironmentTo(IKeyWriter key)
    {
        key.Add("layercake", RecipeBuild.ProgramVersion);
        if (signingKey is not null)
        {
            // Of the public half: a signature depends on nothing else of the key, since it is made without chance.
            key.Add("signing_key", signingKey.PublicKey.Hint);
        }
    }

    public Task RunAsync(StepContext context, CancellationToken token)
    {
        var workspace = context.OutputFolder;
        var quality = recipe.Evaluate is null ? null : QualityCheck.Read(context.InputFolder(StepNames.Evaluate));
        QualityCheck.ThrowIfFailed(recipe, quality);
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

        if (quality is not null)
        {
            TakeOverFigures(context, known);
        }

        var listing = WorkspaceListing.Read(workspace);
        listing.ThrowIfFaulty();
        var outputs = BuildRecord.OutputsOf(workspace, known, token);
        var links = context.InputTree(StepNames.Convert).Entries.OfType<TreeEntry.Link>().ToList();
        var record = new BuildRecord
        {
            RecipeName = recipe.Name,
            Recipe = KeyDocument.Of(recipe.AddTo),
            Versions = Versions(),
            Steps = context.Lineage,
            Outputs = outputs,
            Links = links,
        };
        File.WriteAllBytes(Path.Combine(workspace, PackageFiles.BuildRecord), record.ToJson());
        var origin = new PackageOrigin(recipe, record, context.Inputs, modelFolder);
        var files = FilesOf(outputs);
        File.WriteAllBytes(Path.Combine(workspace, PackageFiles.Bom), origin.Bom(listing.Configuration, files, quality));
        File.WriteAllBytes(Path.Combine(workspace, PackageFiles.Provenance), origin.Provenance(Remaining(workspace, outputs, token)));
        Sha256Sums.Write(workspace, Remaining(workspace, outputs, token).Select(file => new FileDigest(file.Path, file.Size, file.Sha256)));
        if (signingKey is not null)
        {
            var signature = ModelSignature.Sign(
                signingKey, recipe.Name, Remaining(workspace, outputs, token), [.. links.Select(link => new PackageLink(link.Path.Value, link.Target))]);
            File.WriteAllBytes(Path.Combine(workspace, PackageFiles.Signature), signature);
        }

        context.Reporter.Line($"{outputs.Count} files, quant_policy {recipe.QuantPolicy}{(signingKey is null ? "" : ", signed")}");
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

    /// <summary>What was measured of this workspace travels with it, and its records cover it.</summary>
    private static void TakeOverFigures(StepContext context, Dictionary<RelativePath, Digest> known)
    {
        context.TakeOver(StepNames.Evaluate);
        foreach (var file in context.InputTree(StepNames.Evaluate).Entries.OfType<TreeEntry.File>())
        {
            known.Add(file.Path, file.Content);
        }
    }

    /// <summary>All files there are by now; only what came after the outputs is read.</summary>
    private static List<PackageFile> Remaining(string workspace, IReadOnlyList<TreeEntry.File> outputs, CancellationToken token) =>
        FilesOf(BuildRecord.OutputsOf(workspace, outputs.ToDictionary(file => file.Path, file => file.Content), token));

    private static List<PackageFile> FilesOf(IEnumerable<TreeEntry.File> files) =>
        [.. files.Select(file => new PackageFile(file.Path.Value, file.Content.ToString(), file.Size))];
}
