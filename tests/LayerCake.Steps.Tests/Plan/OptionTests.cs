using System.Reflection;
using LayerCake.Building;
using LayerCake.Checkpoints;
using LayerCake.Recipes;

namespace LayerCake.Steps.Tests.Plan;

/// <summary>
/// Every property of every step's options, found by reflection: changing it changes the key of its step, and the explanation names it as the recipe does.
/// A property without a sample here fails.
/// </summary>
[TestFixture]
internal sealed class OptionTests
{
    /// <summary>A value other than the demo recipe's, and the words the explanation has for it.</summary>
    private static readonly Dictionary<string, Sample> s_samples = new()
    {
        ["ModelOptions.Name"] = new("llama2", "model.name internlm-chat-7b → llama2"),
        ["ModelOptions.Source"] = new(new FolderSource("other"), "input model"),
        ["CalibrateOptions.Dataset"] = new(new CalibrationFile("other.txt", IsJsonLines: false), "input dataset"),
        ["CalibrateOptions.Samples"] = new(3, "calibrate.samples 2 → 3"),
        ["CalibrateOptions.SequenceLength"] = new(65, "calibrate.sequence_length 64 → 65"),
        ["CalibrateOptions.Seed"] = new(1u, "calibrate.seed 0 → 1"),
        ["KvQparamsOptions.Cache"] = new(KvCacheType.Int4, "kv_qparams.cache int8 → int4"),
        ["KvQparamsOptions.Symmetric"] = new(true, "kv_qparams.symmetric false → true"),
        ["AutoAwqOptions.Bits"] = new(new BitWidth(8), "auto_awq.bits 4 → 8"),
        ["AutoAwqOptions.GroupSize"] = new(new GroupSize(64), "auto_awq.group_size 128 → 64"),
        ["AutoAwqOptions.Method"] = new(QuantizationMethod.Awq, "auto_awq.method lmdeploy → awq"),
        ["AutoAwqOptions.Effort"] = new(QuantizationEffort.Best, "auto_awq.effort fast → best"),
        ["AutoAwqOptions.Keep"] = new(RecipeReader.Parse("name: a\nmodel: { name: llama2, source: m }\nauto_awq: { method: rtn, keep: \"*head\" }", "a.yaml", "/", []).AutoAwq!.Keep, "auto_awq.keep lm_head → *head"),
        ["AutoAwqOptions.Format"] = new(Recipes.CheckpointFormat.Bin, "auto_awq.format safetensors → bin"),
        ["ConvertOptions.TensorParallel"] = new(new TensorParallel(2), "convert.tensor_parallel 1 → 2"),
        ["ConvertOptions.WeightType"] = new(WeightType.Float16, "convert.weight_type auto → float16"),
        ["EvaluateOptions.Dataset"] = new(new CalibrationFile("other.txt", IsJsonLines: false), "input evaluation_text"),
        ["EvaluateOptions.Window"] = new(33, "evaluate.window 32 → 33"),
        ["EvaluateOptions.Windows"] = new(3, "evaluate.windows 2 → 3"),
        ["EvaluateOptions.MaxPerplexityIncrease"] = new(new Percentage(30), "evaluate.max_perplexity_increase 9999% → 30%"),
        ["EvaluateOptions.MaxKl"] = new(1.5, "evaluate.max_kl 1000 → 1.5"),
        ["PackageOptions.LaunchFiles"] = new(false, "package.launch_files true → false"),
        ["PackageOptions.Archive"] = new(ArchiveFormat.Tar, "package.archive none → tar"),
    };

    /// <summary>Steps beside its own that say an option in their explanation, since they read it too.</summary>
    private static readonly Dictionary<string, string[]> s_alsoReadBy = new()
    {
        ["ConvertOptions.TensorParallel"] = [StepNames.KvQparams],
        ["AutoAwqOptions.GroupSize"] = [StepNames.Convert],
    };

    private DemoProject _project = null!;
    private ArtifactStore _store = null!;

    [OneTimeSetUp]
    public void NoteABuild()
    {
        _project = new DemoProject();
        Directory.Move(_project.Model, _project.At("other"));
        Folders.Copy(_project.At("other"), _project.Model);
        File.AppendAllText(Path.Combine(_project.At("other"), "config.json"), " ");
        File.WriteAllText(_project.At("other.txt"), "Another text.");
        File.Copy(_project.Text, _project.At("same.jsonl"));
        _store = ArtifactStore.Open(_project.At("store"));
        foreach (var step in Plan(Whole()).Steps)
        {
            _store.WriteLatest("demo", step.Name, step.Fields);
        }
    }

    [OneTimeTearDown]
    public void Remove()
    {
        _store.Dispose();
        _project.Dispose();
    }

    [TestCaseSource(nameof(Options))]
    public void Changing_an_option_changes_its_step_s_key_and_is_explained(RecipeSection section, PropertyInfo property)
    {
        var name = $"{property.DeclaringType!.Name}.{property.Name}";
        Assert.That(s_samples, Does.ContainKey(name), $"{name} is new: give it a sample value here");
        var sample = s_samples[name];
        var (before, after) = (Plan(Whole()), Plan(Changed(Whole(), section, property, sample.Value)));

        using (Assert.EnterMultipleScope())
        {
            // The model is no step; those that read it are calibrate (its files) and convert (its name).
            // Limits decide what is packaged, and nothing that is measured.
            var own = name is "EvaluateOptions.MaxPerplexityIncrease" or "EvaluateOptions.MaxKl" ? StepNames.Package
                : section.IsStep ? section.Name : property.Name == "Source" ? StepNames.Calibrate : StepNames.Convert;
            foreach (var step in s_alsoReadBy.GetValueOrDefault(name, []).Append(own))
            {
                Assert.That(after[step].Key, Is.Not.EqualTo(before[step].Key), step);
                Assert.That(after[step].Reason, Does.StartWith("changed: ").And.Contain(sample.Explanation), step);
            }

            // package shows the whole recipe and comes after everything, so it never stays.
            Assert.That(after[StepNames.Package].Key, Is.Not.EqualTo(before[StepNames.Package].Key));
        }
    }

    [Test]
    public void Every_sample_belongs_to_a_property()
    {
        var properties = Options().Select(option => (PropertyInfo)option.Arguments[1]!).Select(property => $"{property.DeclaringType!.Name}.{property.Name}");

        Assert.That(s_samples.Keys, Is.EquivalentTo(properties));
    }

    [Test]
    public void Reading_the_same_text_as_another_kind_of_file_is_a_change()
    {
        var recipe = Whole();

        var plan = Plan(recipe with { Calibrate = recipe.Calibrate! with { Dataset = new CalibrationFile("same.jsonl", IsJsonLines: true) } });

        Assert.That(plan[StepNames.Calibrate].Reason, Is.EqualTo("changed: calibrate.dataset txt → jsonl"));
    }

    [Test]
    public void The_name_and_the_engine_change_package_alone()
    {
        var recipe = Whole();
        var before = Plan(recipe);

        foreach (var (changed, words) in new[]
        {
            (recipe with { Name = "other" }, "name demo → other"),
            (recipe with { Engine = EngineTable.Built[^1] }, "engine lmdeploy 0.1.0 → lmdeploy 0.3.0"),
        })
        {
            var after = Plan(changed);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(
                    after.Steps.Where(step => step.Key != before[step.Name].Key).Select(step => step.Name), Is.EqualTo(new[] { StepNames.Package }), words);
                Assert.That(after[StepNames.Package].Reason, Is.EqualTo("changed: " + words));
            }
        }
    }

    [Test]
    public void How_the_work_is_done_is_in_no_key()
    {
        var samples = new Dictionary<string, object>
        {
            [nameof(ExecutionOptions.Device)] = DeviceChoice.Auto,
            [nameof(ExecutionOptions.MemoryBudget)] = new ByteCount(1L << 32),
            [nameof(ExecutionOptions.Timeout)] = new Duration(TimeSpan.FromHours(1)),
            [nameof(ExecutionOptions.Retries)] = 2,
            [nameof(ExecutionOptions.Placement)] = PlacementChoice.Link,
        };
        var before = Plan(_project.Recipe());
        foreach (var property in typeof(ExecutionOptions).GetProperties())
        {
            Assert.That(samples, Does.ContainKey(property.Name), $"{property.Name} is new: give it a sample value here");
            var changed = _project.Recipe();
            property.SetValue(changed.Execution, samples[property.Name]);

            var after = Plan(changed);

            // The kind of device may differ where this machine has a GPU; the recipe's word for it is in no key.
            var differences = after.Steps.SelectMany(step => KeyDocument.Diff(before[step.Name].Fields, step.Fields)).Select(change => change.Field);
            Assert.That(differences.Where(field => field != "environment.numerics" && !field.StartsWith("after.", StringComparison.Ordinal)), Is.Empty, property.Name);
        }
    }

    [TestCase("best", "learned")]
    [TestCase("balanced", "gptq")]
    public void Auto_has_the_keys_of_the_method_that_it_means(string effort, string method)
    {
        var auto = _project.Plan(_project.At("store"), $"auto_awq={{ effort: {effort} }}", "execution.device=cpu");
        var named = _project.Plan(_project.At("store"), $"auto_awq={{ effort: {effort}, method: {method} }}", "execution.device=cpu");

        Assert.That(auto.Steps.Select(step => step.Key), Is.EqualTo(named.Steps.Select(step => step.Key)));
    }

    [Test]
    public void Another_limit_needs_no_new_measurement()
    {
        var (before, after) = (Plan(Whole()), Plan(Changed(Whole(), RecipeSchema.Evaluate, typeof(EvaluateOptions).GetProperty("MaxKl")!, 0.5)));

        Assert.That(after.Steps.Where(step => step.Key != before[step.Name].Key).Select(step => step.Name), Is.EqualTo(new[] { StepNames.Package }));
    }

    /// <summary>The recipe with every section.</summary>
    private Recipe Whole() => _project.Recipe("evaluate={ dataset: text.txt, window: 32, windows: 2, max_perplexity_increase: 9999%, max_kl: 1000 }");

    private static IEnumerable<TestCaseData> Options() =>
        from section in RecipeSchema.Sections
        where section.OptionsType is not null && section.OptionsType != typeof(ExecutionOptions)
        from property in section.OptionsType!.GetProperties()
        // A choice of one thing alone has no other value.
        where !(property.PropertyType.IsEnum && Enum.GetValues(property.PropertyType).Length == 1)
        select new TestCaseData(section, property).SetArgDisplayNames($"{section.Name}: {property.Name}");

    /// <summary>The recipe with one option changed, whether or not the recipe's rules would let it through.</summary>
    private static Recipe Changed(Recipe recipe, RecipeSection section, PropertyInfo property, object value)
    {
        var options = typeof(Recipe).GetProperties().Single(candidate => candidate.PropertyType == section.OptionsType).GetValue(recipe)!;

        // The options were just read for this test and belong to no other recipe.
        property.SetValue(options, value);
        return recipe;
    }

    private BuildPlan Plan(Recipe recipe)
    {
        using var model = HuggingFaceFolder.Open(recipe.ResolveModel());
        return BuildPlan.Create("demo", RecipeBuild.StepsOf(recipe, model, _project.Artifacts), _store);
    }

    private sealed record Sample(object Value, string Explanation);
}
