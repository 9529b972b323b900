using System.Globalization;
using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Evaluation;
using LayerCake.Models;
using LayerCake.Provenance;
using LayerCake.Recipes;
using LayerCake.TurboMind;

namespace LayerCake.Steps;

/// <summary>What a package's provenance and bill of materials say, from the plan's digests; the model is opened for its configuration only.</summary>
internal sealed class PackageOrigin
{
    private readonly Recipe _recipe;
    private readonly ModelConfiguration _configuration;
    private readonly BuildDescription _build;

    public PackageOrigin(Recipe recipe, BuildRecord record, IReadOnlyList<InputFingerprint> inputs, string modelFolder)
    {
        using var model = HuggingFaceFolder.Open(modelFolder);
        _recipe = recipe;
        _configuration = ModelConfiguration.Read(model);
        _build = new BuildDescription
        {
            RecipeName = recipe.Name,
            WriteRecipe = record.Recipe.WriteJson,
            Versions = record.Versions,
            Steps = [.. record.Steps.Select(step => new BuildStepDescription(step.Name, step.Version, step.Key.ToString(), step.Tree.ToString(), step.After))],
            Materials = [ModelMaterial(inputs, model), .. OtherMaterials(inputs)],
        };
    }

    public byte[] Provenance(IReadOnlyList<PackageFile> subjects) => SlsaProvenance.Write(_build, subjects);

    /// <param name="workspace">Of the package.</param>
    /// <param name="files">Of the package.</param>
    /// <param name="quality">What was measured of it; null where nothing was.</param>
    public byte[] Bom(EngineConfiguration workspace, IReadOnlyList<PackageFile> files, QualityReport? quality) => ModelBom.Write(
        new ModelCard
        {
            Name = _recipe.Name,
            SourceName = _recipe.Model.Name,
            Architecture = _configuration.Architecture,
            Family = "transformer",
            Facts = Facts(workspace),
            Quality = quality is null ? [] : [.. FiguresOf(quality)],
        },
        _build,
        files);

    /// <summary>Every file of the model's folder that any step reads, once.</summary>
    private Material ModelMaterial(IReadOnlyList<InputFingerprint> inputs, HuggingFaceFolder model)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (path, digest) in inputs.Where(input => input.Input.IsFolder).SelectMany(input => input.Files))
        {
            files[path.Value] = digest.ToString();
        }

        var list = files.Select(file => (file.Key, file.Value)).ToList();
        var hub = _recipe.Model.Source as HubSource;
        return new Material
        {
            Name = Material.Model,
            Sha256 = PackageFile.TreeDigest(list),
            IsFolder = true,
            Files = list,
            Repository = hub is null ? null : $"pkg:huggingface/{hub.Repository}",
            Revision = hub?.Revision ?? CommitOf(model),
        };
    }

    /// <summary>The calibration text, and the tokenizer by itself; their names on this machine are not said.</summary>
    private static IEnumerable<Material> OtherMaterials(IReadOnlyList<InputFingerprint> inputs) => inputs
        .Where(input => !input.Input.IsFolder || input.Input.Name == "tokenizer")
        .Select(input => new Material { Name = input.Input.Name, Sha256 = input.Digest.ToString(), IsFolder = input.Input.IsFolder });

    // Hugging Face's libraries write it when they save what they fetched. It is content, so the same model says the same everywhere.
    private static string? CommitOf(HuggingFaceFolder model) =>
        model.Config.TryGetProperty("_commit_hash", out var value) && value.ValueKind == System.Text.Json.JsonValueKind.String
        && value.GetString() is { Length: 40 } commit && commit.All(char.IsAsciiHexDigitLower)
            ? commit
            : null;

    private Dictionary<string, string> Facts(EngineConfiguration workspace) => new()
    {
        ["weights"] = _recipe.AutoAwq is { } awq
            ? $"int{awq.Bits.Value.ToString(CultureInfo.InvariantCulture)} (AWQ), groups of {awq.GroupSize.Value.ToString(CultureInfo.InvariantCulture)}"
            : workspace.WeightType.ToString().ToLowerInvariant(),
        ["kv_cache"] = _recipe.KvQparams is { } cache
            ? $"{cache.Cache.ToString().ToLowerInvariant()}, {(cache.Symmetric ? "symmetric" : "asymmetric")}"
            : "16 bit",
        ["engine"] = _recipe.Engine.Name,
        ["tensor_parallel"] = Number(_recipe.Convert.TensorParallel.Degree),
        ["layers"] = Number(_configuration.LayerCount),
        ["hidden_size"] = Number(_configuration.HiddenSize),
        ["heads"] = Number(_configuration.HeadCount),
        ["kv_heads"] = Number(_configuration.KeyValueHeadCount),
        ["vocabulary"] = Number(_configuration.VocabularySize),
    };

    /// <summary>Of every variant, so that what quantizing cost can be read off the card.</summary>
    private static IEnumerable<QualityFigure> FiguresOf(QualityReport quality)
    {
        var protocol = quality.Protocol;
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{protocol.Windows} windows of {protocol.Window} tokens, text sha256:{protocol.DatasetSha256}; {QualityReport.FileName} has the protocol");
        foreach (var variant in quality.Variants)
        {
            var slice = $"{variant.Name}: {variant.Weights} weights, {variant.Cache} KV cache; {text}";
            yield return new QualityFigure("perplexity", Figure(variant.Perplexity), slice);
            if (!ReferenceEquals(variant, quality.Baseline))
            {
                yield return new QualityFigure($"mean KL divergence from {quality.Baseline.Name}, nats", Figure(variant.MeanDivergence), slice);
                yield return new QualityFigure($"share of positions with {quality.Baseline.Name}'s most likely token", Figure(variant.TopAgreement), slice);
            }
        }
    }

    private static string Figure(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
