namespace LayerCake.Recipes.Tests;

internal sealed class RecipeReaderTests
{
    [Test]
    public void Every_value_reaches_its_record()
    {
        var recipe = Recipes.Parse("""
            name: demo
            engine: lmdeploy 0.3.0
            model: { name: internlm-chat-20b, source: "hf:internlm/internlm-chat-20b@main" }
            calibrate: { dataset: data/a.jsonl, samples: 3, sequence_length: 17, seed: 4294967295 }
            kv_qparams: { cache: int8, symmetric: true }
            auto_awq: { bits: 4, group_size: 128, method: lmdeploy, effort: best, keep: [lm_head, "layers.*.down_proj"], format: bin }
            convert: { tensor_parallel: 8, weight_type: auto }
            package: { launch_files: false }
            execution: { device: cuda, memory_budget: 8 GiB }
            """);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recipe.Name, Is.EqualTo("demo"));
            Assert.That(recipe.Engine.Release, Is.EqualTo(new EngineRelease(0, 3, 0)));
            Assert.That(recipe.Model, Is.EqualTo(new ModelOptions { Name = "internlm-chat-20b", Source = new HubSource("internlm", "internlm-chat-20b", "main") }));
            Assert.That(recipe.Calibrate, Is.EqualTo(new CalibrateOptions
            {
                Dataset = new CalibrationFile("data/a.jsonl", IsJsonLines: true), Samples = 3, SequenceLength = 17, Seed = uint.MaxValue,
            }));
            Assert.That(recipe.KvQparams, Is.EqualTo(new KvQparamsOptions { Cache = KvCacheType.Int8, Symmetric = true }));
            Assert.That(recipe.AutoAwq, Is.EqualTo(new AutoAwqOptions
            {
                Bits = new BitWidth(4), GroupSize = new GroupSize(128), Method = QuantizationMethod.Lmdeploy, Effort = QuantizationEffort.Best,
                Keep = recipe.AutoAwq!.Keep, Format = CheckpointFormat.Bin,
            }));
            Assert.That(recipe.AutoAwq!.Keep.Rules, Is.EqualTo(new[] { "lm_head", "layers.*.down_proj" }));
            Assert.That(recipe.Convert, Is.EqualTo(new ConvertOptions { TensorParallel = new TensorParallel(8), WeightType = WeightType.Auto }));
            Assert.That(recipe.Package, Is.EqualTo(new PackageOptions { LaunchFiles = false }));
            Assert.That(recipe.Execution, Is.EqualTo(new ExecutionOptions { Device = DeviceChoice.Cuda, MemoryBudget = new ByteCount(8L << 30) }));
            Assert.That(recipe.QuantPolicy, Is.EqualTo(4));
        }
    }

    [Test]
    public void What_is_left_out_has_its_default()
    {
        var recipe = Recipes.Parse(Recipes.Least + "\ncalibrate: { dataset: c4 }\nkv_qparams: {}\nauto_awq: {}");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recipe.Engine.Name, Is.EqualTo("lmdeploy 0.1.0"));
            Assert.That(recipe.Calibrate, Is.EqualTo(new CalibrateOptions
            {
                Dataset = new NamedCalibrationSet("c4"), Samples = 128, SequenceLength = 2048, Seed = 0,
            }));
            Assert.That(recipe.KvQparams, Is.EqualTo(new KvQparamsOptions { Cache = KvCacheType.Int8, Symmetric = false }));
            Assert.That(recipe.AutoAwq, Is.EqualTo(new AutoAwqOptions
            {
                Bits = new BitWidth(4), GroupSize = new GroupSize(128), Format = CheckpointFormat.Safetensors,
            }));
            Assert.That(recipe.Convert, Is.EqualTo(new ConvertOptions { TensorParallel = new TensorParallel(1), WeightType = WeightType.Auto }));
            Assert.That(recipe.Package, Is.EqualTo(new PackageOptions { LaunchFiles = true }));
            Assert.That(recipe.Execution, Is.EqualTo(new ExecutionOptions { Device = DeviceChoice.Auto, MemoryBudget = null }));
        }
    }

    [Test]
    public void A_step_that_is_left_out_does_not_exist_but_convert_and_package_always_do()
    {
        var recipe = Recipes.Parse(Recipes.Least);

        Assert.That(recipe.Steps.Select(step => step.Section.Name), Is.EqualTo(new[] { "convert", "package" }));
        Assert.That(recipe.QuantPolicy, Is.Zero);
    }

    [Test]
    public void Steps_come_in_the_order_in_which_they_run() =>
        Assert.That(
            Recipes.Parse(Recipes.Full).Steps.Select(step => step.Section.Name),
            Is.EqualTo(new[] { "calibrate", "kv_qparams", "auto_awq", "convert", "package" }));

    [Test]
    public void Relative_paths_count_from_the_recipes_folder()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("sub", "data"));
        Directory.CreateDirectory(folder.At("sub", "models", "internlm-tiny"));
        File.WriteAllText(folder.At("sub", "data", "prose.txt"), "text");
        File.WriteAllText(folder.At("sub", "demo.yaml"), Recipes.Full);

        var recipe = RecipeReader.Load(folder.At("sub", "demo.yaml"), []);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recipe.Folder, Is.EqualTo(folder.At("sub")));
            Assert.That(recipe.ResolveModel(), Is.EqualTo(folder.At("sub", "models", "internlm-tiny")));
            Assert.That(recipe.ResolveDataset(), Is.EqualTo(folder.At("sub", "data", "prose.txt")));
            Assert.That(recipe.ResolvePath("../x"), Is.EqualTo(folder.At("x")));
            Assert.That(recipe.ResolvePath("/x"), Is.EqualTo(Path.GetFullPath("/x")));
        }
    }

    [Test]
    public void An_absent_model_or_data_set_is_refused_where_the_recipe_names_it()
    {
        var recipe = Recipes.Parse(Recipes.Full);
        var folder = Path.GetTempPath();

        Assert.That(
            Assert.Throws<RecipeException>(() => recipe.ResolveModel())!.Message,
            Is.EqualTo($"demo.yaml:5:11: model.source models/internlm-tiny does not exist (looked for {Path.Combine(folder, "models/internlm-tiny")}); "
                + "a relative path counts from the recipe's folder"));
        Assert.That(
            Assert.Throws<RecipeException>(() => recipe.ResolveDataset())!.Message,
            Is.EqualTo($"demo.yaml:7:12: calibrate.dataset data/prose.txt does not exist (looked for {Path.Combine(folder, "data/prose.txt")}); "
                + "a relative path counts from the recipe's folder"));
    }

    [Test]
    public void What_would_have_to_be_downloaded_is_refused_with_how_to_get_it()
    {
        var recipe = Recipes.Parse(Recipes.Full, "model.source=hf:internlm/internlm-chat-7b@main", "calibrate.dataset=ptb");

        Assert.That(
            Assert.Throws<RecipeException>(() => recipe.ResolveModel())!.Message,
            Is.EqualTo("--set model.source=hf:internlm/internlm-chat-7b@main: model.source is hf:internlm/internlm-chat-7b@main; "
                + "models are not fetched from the hub. Download it (huggingface-cli download internlm/internlm-chat-7b --revision main "
                + "--local-dir models/internlm-chat-7b) beside the recipe and write the folder: models/internlm-chat-7b"));
        Assert.That(
            Assert.Throws<RecipeException>(() => recipe.ResolveDataset())!.Message,
            Is.EqualTo("--set calibrate.dataset=ptb: calibrate.dataset is ptb; data sets are not fetched. Save its text as a .txt file, "
                + "or as a .jsonl file with a text field a line, beside the recipe and write that file: data/ptb.txt"));
    }

    [Test]
    public void A_fault_found_later_points_to_the_value_then_to_its_section_then_to_the_file()
    {
        var recipe = Recipes.Parse(Recipes.Full, "convert.tensor_parallel=2");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recipe.Refuse("auto_awq.group_size", "no").Message, Is.EqualTo("demo.yaml:12:34: no"));
            Assert.That(recipe.Refuse("auto_awq.format", "no").Message, Is.EqualTo("demo.yaml:12:1: no"));
            Assert.That(recipe.Refuse("convert.tensor_parallel", "no").Message, Is.EqualTo("--set convert.tensor_parallel=2: no"));
            Assert.That(recipe.Refuse("execution.device", "no").Message, Is.EqualTo("demo.yaml: no"));
        }
    }

    [Test]
    public void The_order_of_keys_and_the_style_of_yaml_mean_nothing()
    {
        var other = Recipes.Parse("""
            {"package": {}, "convert": {"tensor_parallel": 1}, "auto_awq": {"group_size": 128, "bits": 4},
             "kv_qparams": {"symmetric": false, "cache": 'int8'},
             "calibrate": {"seed": 0, "sequence_length": 512, "samples": 64, "dataset": "data/prose.txt"},
             "model": {"source": "models/internlm-tiny", "name": "internlm-chat-7b"}, "engine": "lmdeploy 0.1.0", "name": "demo"}
            """);

        Assert.That(KeyText.Of(other.AddTo), Is.EqualTo(KeyText.Of(Recipes.Parse(Recipes.Full).AddTo)));
    }

    [TestCase("internlm-tiny-w4kv8", "calibrate kv_qparams auto_awq convert evaluate package")]
    [TestCase("internlm-tiny-fp16", "convert package")]
    [TestCase("internlm-7b-w4", "calibrate auto_awq convert package")]
    [TestCase("llama2-7b-w4kv8", "calibrate kv_qparams auto_awq convert package")]
    public void The_recipes_of_the_repository_are_right(string name, string steps)
    {
        var recipe = RecipeReader.Load(RepositoryFiles.Recipes(name + ".yaml"), []);

        Assert.That(recipe.Name, Is.EqualTo(name));
        Assert.That(string.Join(' ', recipe.Steps.Select(step => step.Section.Name)), Is.EqualTo(steps));
    }

    [TestCase("internlm-tiny-w4kv8")]
    [TestCase("internlm-tiny-fp16")]
    public void The_demo_recipes_find_their_files(string name)
    {
        var recipe = RecipeReader.Load(RepositoryFiles.Recipes(name + ".yaml"), []);

        Assert.That(recipe.ResolveModel(), Is.EqualTo(RepositoryFiles.DemoModel));
        Assert.That(recipe.Calibrate is null || File.Exists(recipe.ResolveDataset()), Is.True);
        Assert.That(recipe.Evaluate is null || File.Exists(recipe.ResolveEvaluationText()), Is.True);
    }

    [TestCase("evaluate: {}", "demo.yaml:15:1: evaluate.dataset is missing: a .txt or .jsonl file")]
    [TestCase("evaluate: { dataset: a.txt, window: 1 }", "demo.yaml:15:37: evaluate.window is 1; it must be a whole number from 2 to 1048576")]
    [TestCase("evaluate: { dataset: a.txt, limit: 3 }", "demo.yaml:15:29: unknown key 'limit' in evaluate; known here: dataset, window, windows, baseline, max_perplexity_increase, max_kl")]
    [TestCase("evaluate: { dataset: a.txt, max_kl: 0.2x }", "demo.yaml:15:37: evaluate.max_kl is the text '0.2x'; it must be a number from 0 to 1000")]
    [TestCase("evaluate: { dataset: a.txt, max_kl: -0.2 }", "demo.yaml:15:37: evaluate.max_kl is -0.2; it must be a number from 0 to 1000")]
    [TestCase("evaluate: { dataset: a.txt, max_kl: .inf }", "demo.yaml:15:37: evaluate.max_kl is the number .inf; it must be a number from 0 to 1000")]
    [TestCase("evaluate: { dataset: a.txt, max_perplexity_increase: 0.25 }", "demo.yaml:15:54: evaluate.max_perplexity_increase is the number 0.25; it must be a percentage such as '25%' (at most four digits before and three after the point). If it is a text, quote it: \"0.25\"")]
    [TestCase("evaluate: { dataset: a.txt, baseline: float16 }", "demo.yaml:15:39: evaluate.baseline is 'float16'; it must be source")]
    public void A_wrong_evaluate_is_told_with_its_place(string line, string fault) =>
        Assert.That(Recipes.Refused(Recipes.Full + "\n" + line), Is.EqualTo(fault));

    [Test]
    public void An_evaluate_has_its_defaults_and_its_limits()
    {
        var least = Recipes.Parse(Recipes.Full + "\nevaluate: { dataset: a.txt }").Evaluate!;
        var full = Recipes.Parse(Recipes.Full + "\nevaluate: { dataset: b.jsonl, window: 64, windows: 3, baseline: source, max_perplexity_increase: 2.5%, max_kl: 1e-1 }").Evaluate!;

        Assert.That((least.Window, least.Windows, least.MaxPerplexityIncrease, least.MaxKl), Is.EqualTo((512, 0, (Percentage?)null, (double?)null)));
        Assert.That((full.Window, full.Windows, full.MaxPerplexityIncrease?.Share, full.MaxKl), Is.EqualTo((64, 3, 0.025, 0.1)));
    }
}
