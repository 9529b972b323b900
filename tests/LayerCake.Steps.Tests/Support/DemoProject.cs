using LayerCake.Building;
using LayerCake.Recipes;
using LayerCake.Testing;

namespace LayerCake.Steps.Tests;

/// <summary>A user's folder: a recipe, a copy of the demo checkpoint, a calibration text, all to be changed at will.</summary>
internal sealed class DemoProject : IDisposable
{
    /// <summary>Two short samples, so that calibration takes no time. Tests count lines in it.</summary>
    public const string QuantizedRecipe = """
        name: demo
        engine: lmdeploy 0.1.0
        model:
          name: internlm-chat-7b
          source: model
        calibrate:
          dataset: text.txt
          samples: 2
          sequence_length: 64
          seed: 0
        kv_qparams: { cache: int8, symmetric: false }
        auto_awq: { bits: 4, group_size: 128, method: lmdeploy, format: safetensors }
        convert: { tensor_parallel: 1 }
        package: { launch_files: true }
        execution: { device: cpu }

        """;

    // Long enough for the windows of every test.
    private const int TextCharacters = 40_000;

    private readonly TemporaryFolder _folder = new();

    public DemoProject(bool reversed = false)
    {
        Directory.CreateDirectory(Model);
        var files = Directory.EnumerateFiles(RepositoryFiles.DemoModel).Order(StringComparer.Ordinal);
        foreach (var file in reversed ? files.Reverse() : files)
        {
            Copy(file, InModel(Path.GetFileName(file)));
        }

        File.WriteAllText(Text, File.ReadAllText(RepositoryFiles.Recipes("data", "prose-calibration.txt"))[..TextCharacters]);
        RecipeText = QuantizedRecipe;
    }

    public string Folder => _folder.Path;

    public string Model => _folder.At("model");

    public string Text => _folder.At("text.txt");

    public string Artifacts => _folder.At("artifacts");

    public string RecipeText
    {
        get => File.ReadAllText(RecipeFile);
        set => File.WriteAllText(RecipeFile, value);
    }

    private string RecipeFile => _folder.At("demo.yaml");

    public string At(string name) => _folder.At(name);

    public string InModel(string name) => Path.Combine(Model, name);

    /// <summary>Replaces text of the recipe that must be there.</summary>
    public void Edit(string old, string @new)
    {
        var text = RecipeText;
        Assert.That(text, Does.Contain(old));
        RecipeText = text.Replace(old, @new, StringComparison.Ordinal);
    }

    public Recipe Recipe(params string[] overrides) => RecipeReader.Load(RecipeFile, overrides);

    public RecipeBuild Open(params string[] overrides) => RecipeBuild.Open(Recipe(overrides), Artifacts);

    /// <summary>The plan for what the folder holds now, against a store that this does not change.</summary>
    public BuildPlan Plan(string storeFolder, params string[] overrides)
    {
        using var store = ArtifactStore.Open(storeFolder, new StoreOptions { ReadOnly = true });
        var build = Open(overrides);
        return BuildPlan.Create(build.Recipe.Name, build.Steps, store);
    }

    public Task<DemoBuild> BuildAsync(params string[] overrides) => DemoBuild.RunAsync(Open(overrides), RecipeBuild.StoreFolder(Artifacts));

    public void Dispose() => _folder.Dispose();

    /// <summary>A writable copy; the checkout's files may be read-only.</summary>
    public static void Copy(string source, string destination) => File.WriteAllBytes(destination, File.ReadAllBytes(source));
}
