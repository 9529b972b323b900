using LayerCake.Building;

namespace LayerCake.Steps.Tests.Plan;

/// <summary>Which steps an edit makes necessary: those, and no other.</summary>
[TestFixture]
internal sealed class EditTests
{
    private static readonly string[] s_all = [StepNames.Calibrate, StepNames.KvQparams, StepNames.AutoAwq, StepNames.Convert, StepNames.Package];
    private static readonly string[] s_none = [];

    [TestCaseSource(nameof(Edits))]
    public void An_edit_runs_exactly_the_steps_that_depend_on_it(Edit edit)
    {
        using var project = new DemoProject();
        edit.Apply(project);

        var plan = project.Plan(SharedBuild.StoreFolder, edit.Overrides);

        Assert.That(Misses(plan), Is.EquivalentTo(edit.Steps), string.Join('\n', plan.Steps.Select(step => $"{step.Name}: {step.Reason}")));
    }

    [Test]
    public void Nothing_runs_in_the_folder_that_was_built_though_every_input_is_touched()
    {
        using var project = new DemoProject();
        using var store = ArtifactStore.Open(SharedBuild.StoreFolder, new StoreOptions { ReadOnly = true });
        var before = BuildPlan.Create("demo", project.Open().Steps, store);
        foreach (var file in Directory.EnumerateFiles(project.Folder, "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch.AddDays(20_000));
        }

        var after = BuildPlan.Create("demo", project.Open().Steps, store);

        Assert.That(Misses(before), Is.Empty);
        Assert.That(Misses(after), Is.Empty);
        Assert.That(after.Steps.Select(step => step.Key), Is.EqualTo(before.Steps.Select(step => step.Key)));
    }

    [Test]
    public async Task The_steps_that_a_plan_names_are_the_steps_that_run()
    {
        using var project = new DemoProject();
        Folders.Copy(SharedBuild.StoreFolder, RecipeBuild.StoreFolder(project.Artifacts));

        var launch = await project.BuildAsync("package.launch_files=false");
        var symmetric = await project.BuildAsync("kv_qparams.symmetric=true");
        var split = await project.BuildAsync("convert.tensor_parallel=2");
        var back = await project.BuildAsync();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(launch.Ran, Is.EqualTo(new[] { StepNames.Package }));
            Assert.That(symmetric.Ran, Is.EqualTo(new[] { StepNames.KvQparams, StepNames.Package }));
            Assert.That(split.Ran, Is.EquivalentTo(new[] { StepNames.KvQparams, StepNames.Convert, StepNames.Package }));
            Assert.That(back.Ran, Is.Empty);
            Assert.That(back.Package.Digest, Is.EqualTo(SharedBuild.Result.Package.Digest));
        }
    }

    [Test]
    public void The_explanation_of_an_edit_speaks_the_recipe_s_words()
    {
        using var project = new DemoProject();

        var plan = project.Plan(SharedBuild.StoreFolder, "calibrate.samples=3", "package.launch_files=false");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(plan[StepNames.Calibrate].Reason, Is.EqualTo("changed: calibrate.samples 2 → 3"));
            Assert.That(plan[StepNames.AutoAwq].Reason, Is.EqualTo("calibrate will run"));
            Assert.That(plan[StepNames.Package].Reason, Does.Contain("package.launch_files true → false").And.Contain("convert will run"));
        }
    }

    private static IEnumerable<TestCaseData> Edits()
    {
        string[] kvToPackage = [StepNames.KvQparams, StepNames.Package];
        string[] awqToPackage = [StepNames.AutoAwq, StepNames.Convert, StepNames.Package];
        string[] convertToPackage = [StepNames.Convert, StepNames.Package];
        string[] package = [StepNames.Package];

        yield return Case("a copy of everything in another folder", s_none, _ => { });
        yield return Case("a comment in the recipe", s_none, project => project.RecipeText = "# a comment\n" + project.RecipeText);
        yield return Case("the sections in another order", s_none, project =>
        {
            project.Edit("package: { launch_files: true }\n", "");
            project.RecipeText = "package: { launch_files: true }\n" + project.RecipeText;
        });
        yield return Case("defaults left out", s_none, project =>
        {
            project.Edit("  seed: 0\n", "");
            project.Edit(", format: safetensors", "");
            project.Edit("convert: { tensor_parallel: 1 }\n", "");
        });
        yield return Case("the model's path written differently", s_none, project => project.Edit("source: model", "source: ./model/../model/"));
        yield return Case("the model in a folder of another name", s_none, project =>
        {
            Directory.Move(project.Model, project.At("renamed"));
            project.Edit("source: model", "source: renamed");
        });
        yield return Case("the text in a file of another name", s_none, project =>
        {
            File.Move(project.Text, project.At("renamed.txt"));
            project.Edit("text.txt", "renamed.txt");
        });
        yield return Case("a README in the model's folder", s_none, project => File.WriteAllText(project.InModel("NOTES.md"), "new"));
        yield return Case("the README of the model changed", s_none, project => File.AppendAllText(project.InModel("README.md"), "more"));
        yield return Case("what an editor left behind", s_none, project => File.WriteAllText(project.InModel(".config.json.swp.json"), "{}"));
        yield return Set("execution.memory_budget", s_none, "execution.memory_budget=4 GiB");

        yield return Set("calibrate.samples", s_all, "calibrate.samples=3");
        yield return Set("calibrate.sequence_length", s_all, "calibrate.sequence_length=65");
        yield return Set("calibrate.seed", s_all, "calibrate.seed=1");
        yield return Set("kv_qparams.symmetric", kvToPackage, "kv_qparams.symmetric=true");
        yield return Set("auto_awq.format", awqToPackage, "auto_awq.format=bin");
        yield return Set("convert.tensor_parallel", [StepNames.KvQparams, StepNames.Convert, StepNames.Package], "convert.tensor_parallel=2");
        yield return Set("package.launch_files", package, "package.launch_files=false");
        yield return Set("name", package, "name=other");
        yield return Set("engine", package, "engine=lmdeploy 0.2.0");
        yield return Set("model.name", convertToPackage, "model.name=internlm-chat-7b-8k");
        yield return Set("no auto_awq", convertToPackage, "auto_awq=null");
        yield return Set("no kv_qparams", package, "kv_qparams=null");
        yield return Set("float16 alone", convertToPackage, "auto_awq=null", "kv_qparams=null", "calibrate=null");

        yield return Case("one byte of the weights", s_all, project => FlipLastByte(project.InModel("model.safetensors")));
        yield return Case("one byte of tokenizer.model", s_all, project => FlipLastByte(project.InModel("tokenizer.model")));
        yield return Case("one byte of the text", s_all, project => FlipLastByte(project.Text));
        yield return Case("a space in config.json", s_all, project => File.AppendAllText(project.InModel("config.json"), " "));
        yield return Case("a space in tokenizer_config.json", s_all, project => File.AppendAllText(project.InModel("tokenizer_config.json"), " "));
        yield return Case(
            "a space in generation_config.json", awqToPackage, project => File.AppendAllText(project.InModel("generation_config.json"), " "));
        yield return Case("remote code beside the weights", awqToPackage, project => File.WriteAllText(project.InModel("modeling.py"), "pass\n"));
    }

    private static TestCaseData Case(string name, string[] steps, Action<DemoProject> apply) =>
        new TestCaseData(new Edit(steps, apply, [])).SetArgDisplayNames(name);

    private static TestCaseData Set(string name, string[] steps, params string[] overrides) =>
        new TestCaseData(new Edit(steps, _ => { }, overrides)).SetArgDisplayNames(name);

    private static IEnumerable<string> Misses(BuildPlan plan) =>
        plan.Steps.Where(step => step.Outcome == PlannedOutcome.Miss).Select(step => step.Name);

    private static void FlipLastByte(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Seek(-1, SeekOrigin.End);
        var last = file.ReadByte();
        file.Seek(-1, SeekOrigin.End);
        file.WriteByte((byte)(last ^ 1));
    }

    internal sealed record Edit(string[] Steps, Action<DemoProject> Apply, string[] Overrides);
}
