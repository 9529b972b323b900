using System.Text.Json;
using System.Text.RegularExpressions;
using LayerCake.Building;
using LayerCake.Provenance;
using LayerCake.Testing;
using LayerCake.TurboMind;

namespace LayerCake.Steps.Tests.Package;

/// <summary>The workspace of a whole build of the demo recipe.</summary>
[TestFixture]
internal sealed class PackageTests
{
    private static string Record => Path.Combine(SharedBuild.Workspace, RecipeBuild.RecordFile);

    [Test]
    public void The_workspace_is_complete_and_has_the_int8_cache_switched_on()
    {
        var listing = WorkspaceListing.Read(SharedBuild.Workspace);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(listing.Faults, Is.Empty);
            Assert.That(listing.Configuration.QuantPolicy, Is.EqualTo(4));
            Assert.That(listing.Configuration.WeightType, Is.EqualTo(WeightType.Int4));
            Assert.That(listing.Entries.Count(entry => entry.Name.Contains(".past_kv_scale.")), Is.EqualTo(6));
            Assert.That(File.Exists(Path.Combine(WorkspacePaths.Tokenizer(SharedBuild.Workspace), "tokenizer.model")));
            Assert.That(Folders.IsExecutable(Path.Combine(SharedBuild.Workspace, "service_docker_up.sh")));
        }
    }

    [Test]
    public void The_checksums_name_every_file_with_its_digest()
    {
        var sums = File.ReadAllLines(Path.Combine(SharedBuild.Workspace, "SHA256SUMS")).ToDictionary(line => line[66..], line => line[..64]);
        var files = Folders.Digests(SharedBuild.Workspace);
        files.Remove("SHA256SUMS");

        Assert.That(sums, Is.EquivalentTo(files));
    }

    [Test]
    public void The_build_record_lists_the_outputs_and_their_digests()
    {
        using var record = JsonDocument.Parse(File.ReadAllBytes(Record));
        var outputs = record.RootElement.GetProperty("outputs").EnumerateArray()
            .ToDictionary(file => file.GetProperty("path").GetString()!, file => file.GetProperty("sha256").GetString()!);
        var files = Folders.Digests(SharedBuild.Workspace);
        foreach (var name in PackageFiles.All)
        {
            files.Remove(name);
        }

        Assert.That(outputs, Is.EquivalentTo(files));
    }

    [Test]
    public void The_build_record_lists_the_steps_and_the_digests_of_what_they_read()
    {
        using var record = JsonDocument.Parse(File.ReadAllBytes(Record));
        var steps = record.RootElement.GetProperty("steps").EnumerateArray().ToDictionary(step => step.GetProperty("step").GetString()!, step => step.Clone());
        var calibrate = steps[StepNames.Calibrate].GetProperty("inputs");
        string[] model = ["config.json", "model.safetensors"];
        var listing = string.Concat(model.Select(name => $"{Folders.DigestOf(SharedBuild.Project.InModel(name))}  {name}\n"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(steps.Keys, Is.EquivalentTo(new[] { StepNames.Calibrate, StepNames.KvQparams, StepNames.AutoAwq, StepNames.Convert }));
            Assert.That(calibrate.GetProperty("dataset").GetString(), Is.EqualTo(Folders.DigestOf(SharedBuild.Project.Text)));

            // A folder's digest is that of its list as sha256sum prints it, so anyone can check it.
            Assert.That(calibrate.GetProperty("model").GetString(), Is.EqualTo(Digest.Of(listing).ToString()));
            Assert.That(steps[StepNames.AutoAwq].GetProperty("inputs").TryGetProperty("model_files", out _));
            Assert.That(steps[StepNames.Convert].GetProperty("after").EnumerateArray().Select(name => name.GetString()), Is.EqualTo(new[] { StepNames.AutoAwq }));
        }
    }

    [Test]
    public void The_build_record_shows_the_recipe_with_every_default()
    {
        using var record = JsonDocument.Parse(File.ReadAllBytes(Record));
        var recipe = record.RootElement.GetProperty("recipe");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recipe.GetProperty("name").GetString(), Is.EqualTo("demo"));
            Assert.That(recipe.GetProperty("fields").GetProperty("calibrate").GetProperty("sequence_length").GetInt32(), Is.EqualTo(64));
            Assert.That(recipe.GetProperty("fields").GetProperty("convert").GetProperty("weight_type").GetString(), Is.EqualTo("auto"));
            Assert.That(record.RootElement.GetProperty("versions").GetProperty("engine").GetString(), Is.EqualTo("lmdeploy 0.1.0"));
            Assert.That(record.RootElement.GetProperty("versions").GetProperty("numerics").GetString(), Is.EqualTo("cpu-1"));
        }
    }

    [Test]
    public void No_file_tells_where_or_by_whom_it_was_built()
    {
        string[] texts = [".json", ".py", ".pbtxt", ".ini", ".sh", ""];
        string[] telltales =
        [
            SharedBuild.Project.Folder, Path.GetTempPath(), RepositoryFiles.Root, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + "/", ".cache/",
        ];
        using (Assert.EnterMultipleScope())
        {
            foreach (var path in Folders.RegularFiles(SharedBuild.Workspace).Where(path => texts.Contains(Path.GetExtension(path))))
            {
                var content = File.ReadAllText(path);
                foreach (var telltale in telltales)
                {
                    Assert.That(content, Does.Not.Contain(telltale), path);
                }
            }

            // Only in the record: a host may well have the name of a word in a script.
            foreach (var name in new[] { Environment.MachineName, Environment.UserName })
            {
                Assert.That(File.ReadAllText(Record), Does.Not.Match($@"(?<!\w){Regex.Escape(name)}(?!\w)"));
            }
        }
    }

    [Test]
    public void What_is_printed_names_the_workspace_and_no_folder_of_the_store()
    {
        var lines = SharedBuild.Result.Reporter.Lines;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(lines, Has.None.Contains(".cache"));
            Assert.That(lines, Has.Some.EqualTo("model_path             auto_awq:demo"));
            Assert.That(lines, Has.Some.EqualTo("tokenizer_path         auto_awq:demo/tokenizer.model"));
            Assert.That(lines, Has.Some.EqualTo($"create workspace in directory {SharedBuild.Workspace}"));
            Assert.That(lines, Has.Some.StartsWith("model.layers.0, samples: 2, "));
            Assert.That(lines, Has.Some.StartsWith("Layer 0 MP 0 qparam: "));
        }
    }

    [Test]
    public async Task Another_folder_another_order_of_files_and_another_number_of_threads_give_the_same_package()
    {
        using var project = new DemoProject(reversed: true);
        project.RecipeText = "# the same in other words\n" + project.RecipeText.Replace("\n", "\n\n", StringComparison.Ordinal);
        var recipe = project.Recipe();
        var configuration = ConfigurationOf(project);
        recipe = recipe with
        {
            Execution = recipe.Execution with { MemoryBudget = new Recipes.ByteCount(Calibration.CalibrationMemory.PeakOnCpu(configuration, 2, 64, threads: 1)) },
        };

        var build = await DemoBuild.RunAsync(RecipeBuild.Open(recipe, project.Artifacts), project.At("another-store"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(build.Ran.Count(), Is.EqualTo(5));
            Assert.That(build.Package.Digest, Is.EqualTo(SharedBuild.Result.Package.Digest));
            foreach (var step in build.Results)
            {
                Assert.That(step.Tree.Digest, Is.EqualTo(SharedBuild.Result[step.Name].Tree.Digest), step.Name);
            }
        }
    }

    [Test]
    public async Task The_format_of_the_awq_checkpoint_changes_no_file_of_the_workspace()
    {
        using var project = CopyOfBuilt();

        var build = await project.BuildAsync("auto_awq.format=bin");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(build.Ran, Is.EqualTo(new[] { StepNames.AutoAwq, StepNames.Convert, StepNames.Package }));
            Assert.That(build[StepNames.AutoAwq].Tree.Entries.Select(entry => entry.Path.Value), Has.Member("pytorch_model.bin"));
            Assert.That(Content(build.Build.OutputFolder), Is.EqualTo(Content(SharedBuild.Workspace)));
        }
    }

    [Test]
    public async Task A_float16_recipe_has_neither_scales_nor_a_policy()
    {
        using var project = CopyOfBuilt();

        var build = await project.BuildAsync("name=half", "auto_awq=null", "kv_qparams=null", "calibrate=null");
        var listing = WorkspaceListing.Read(build.Build.OutputFolder);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(build.Results.Select(step => step.Name), Is.EqualTo(new[] { StepNames.Convert, StepNames.Package }));
            Assert.That(listing.Faults, Is.Empty);
            Assert.That(listing.Configuration.QuantPolicy, Is.Zero);
            Assert.That(listing.Configuration.WeightType, Is.EqualTo(WeightType.Float16));
            Assert.That(listing.Entries.Where(entry => entry.Name.Contains("past_kv_scale")), Is.Empty);
            Assert.That(build.Reporter.Lines, Has.Some.EqualTo("model_path             model"));
        }
    }

    [Test]
    public async Task An_engine_that_forgets_the_policy_gets_launch_files_that_repeat_it()
    {
        using var project = CopyOfBuilt();

        var with = await project.BuildAsync("engine=lmdeploy 0.2.0");
        var script = Path.Combine(with.Build.OutputFolder, "serve.sh");
        var text = File.ReadAllText(script);
        var executable = Folders.IsExecutable(script);
        var without = await project.BuildAsync("engine=lmdeploy 0.2.0", "package.launch_files=false");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(with.Ran.Concat(without.Ran), Is.All.EqualTo(StepNames.Package));
            Assert.That(text, Does.Contain("exec lmdeploy serve api_server . ").And.Contain(" --tp 1 --quant-policy 4 "));
            Assert.That(executable);
            Assert.That(File.Exists(script), Is.False);
            Assert.That(File.Exists(Path.Combine(SharedBuild.Workspace, "serve.sh")), Is.False);
        }
    }

    private static Models.ModelConfiguration ConfigurationOf(DemoProject project)
    {
        using var model = Checkpoints.HuggingFaceFolder.Open(project.Model);
        return Models.ModelConfiguration.Read(model);
    }

    /// <summary>A project whose store holds the shared build.</summary>
    internal static DemoProject CopyOfBuilt()
    {
        var project = new DemoProject();
        Folders.Copy(SharedBuild.StoreFolder, RecipeBuild.StoreFolder(project.Artifacts));
        return project;
    }

    private static SortedDictionary<string, string> Content(string workspace)
    {
        var digests = Folders.Digests(workspace);
        foreach (var name in PackageFiles.All)
        {
            digests.Remove(name);
        }

        return digests;
    }
}
