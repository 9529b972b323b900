using System.Text.Json.Nodes;
using LayerCake.Building;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary><c>layercake lock</c> on a folder of a user's.</summary>
[TestFixture]
internal sealed class LockTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Create()
    {
        _folder = new TemporaryFolder();
        WriteTo(_folder);
    }

    [TearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void The_record_lies_beside_the_recipe_and_a_second_run_leaves_it_as_it_was()
    {
        var first = Lock();
        var content = File.ReadAllBytes(_folder.At("recipe.lock"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.ExitCode, Is.Zero, first.Error);
            Assert.That(first.Output, Is.EqualTo(
                "recipe.lock: written, 5 steps, 4 inputs\n"
                + "No result is in the store of auto_awq, calibrate, convert, kv_qparams, package: only their inputs are recorded. Build, then lock again.\n"));
            Assert.That(Lock("--inputs-only").Output, Is.EqualTo("recipe.lock: as it was, 5 steps, 4 inputs\n"));
            Assert.That(File.ReadAllBytes(_folder.At("recipe.lock")), Is.EqualTo(content));
        }
    }

    [Test]
    public void The_record_is_the_same_bytes_in_another_folder()
    {
        using var other = new TemporaryFolder();
        Directory.CreateDirectory(other.At("deep", "down"));
        WriteTo(other);
        Lock();

        // From another working folder, and with another store.
        var result = LayerCakeCommand.Run(other.At("deep", "down"), "lock", "--recipe", "../../recipe.yaml");

        Assert.That(result.ExitCode, Is.Zero, result.Error);
        Assert.That(File.ReadAllBytes(other.At("recipe.lock")), Is.EqualTo(File.ReadAllBytes(_folder.At("recipe.lock"))));
    }

    [Test]
    public void Built_results_are_recorded_and_what_changed_since_is_told()
    {
        Assert.That(LayerCakeCommand.Run(_folder.Path, "build", "--recipe", "recipe.yaml").ExitCode, Is.Zero);
        var built = Lock();
        File.AppendAllText(_folder.At("text.txt"), "More.\n");

        var changed = Lock("--set", "calibrate.samples=2");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(built.Output, Is.EqualTo("recipe.lock: written, 5 steps, 4 inputs\n"));
            Assert.That(changed.Output, Does.StartWith("recipe.lock: written, 5 steps, 4 inputs\n  recipe calibrate.samples: 1 → 2\n  input dataset/text.txt: "));
            Assert.That(changed.Output, Does.EndWith("Build, then lock again.\n"));
        }
    }

    [Test]
    public void All_variants_of_a_matrix_are_in_one_record()
    {
        File.AppendAllText(_folder.At("recipe.yaml"), "matrix: { calibrate.samples: [1, 2], kv_qparams.symmetric: [false, true] }\n");

        var result = Lock("--inputs-only");

        Assert.That(result.Output, Is.EqualTo("recipe.lock: written, 14 steps, 4 inputs\n"), result.Error);
        Assert.That(Lock("--variant", "small-samples1-symmetric_false").ExitCode, Is.EqualTo((int)ExitCode.Usage), "a record of one variant would be none of the recipe");
    }

    [Test]
    public void A_damaged_record_is_told_and_written_anew()
    {
        File.WriteAllText(_folder.At("recipe.lock"), "<<<<<<< ours\n");

        var result = Lock("--inputs-only");

        Assert.That(result.ExitCode, Is.Zero);
        Assert.That(result.Output, Is.EqualTo(
            "the lock record recipe.lock cannot be used: it is cut off or not JSON; 'layercake lock' writes it anew\nrecipe.lock: written, 5 steps, 4 inputs\n"));
    }

    [Test]
    public void A_locked_build_takes_what_is_recorded_and_refuses_anything_else()
    {
        var none = Run("build", "--locked");
        Lock();
        var built = Run("build", "--locked");
        File.AppendAllText(_folder.At("text.txt"), "More.\n");
        var before = Snapshot.Of(_folder.At("artifacts"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(none.ExitCode, Is.EqualTo((int)ExitCode.Locked));
            Assert.That(none.Error, Is.EqualTo("layercake: there is no lock record recipe.lock; 'layercake lock' writes it\n"));
            Assert.That(built.ExitCode, Is.Zero, built.Error);
            foreach (var command in new[] { "plan", "build" })
            {
                var refused = Run(command, "--locked", "--set", "calibrate.samples=2");
                Assert.That(refused.ExitCode, Is.EqualTo((int)ExitCode.Locked), command);
                Assert.That(refused.Error, Does.StartWith(
                    "layercake: not what the lock record recipe.lock says:\n  recipe calibrate.samples: 1 → 2\n  input dataset/text.txt: ").And.EndsWith(
                    "\n'layercake lock' accepts it, without --locked it is not compared\n"));
            }

            Assert.That(Snapshot.Of(_folder.At("artifacts")), Is.EqualTo(before), "it is refused before anything runs");
        }
    }

    [Test]
    public void A_locked_build_may_be_signed()
    {
        using (var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256))
        {
            File.WriteAllText(_folder.At("key.pem"), key.ExportECPrivateKeyPem());
        }

        Lock();
        Run("build", "--locked", "--sign-key", "key.pem").Succeeded();

        Assert.That(_folder.At("artifacts", "small", "model.sig"), Does.Exist);
    }

    [Test]
    public void A_locked_build_that_does_not_give_the_recorded_output_names_step_and_file()
    {
        Assert.That(Run("build").ExitCode, Is.Zero);
        Lock();
        Forge("kv_qparams");

        var result = Run("build", "--locked");

        Assert.That(result.ExitCode, Is.EqualTo((int)ExitCode.Locked), result.Output);
        Assert.That(result.Error, Does.StartWith("layercake: kv_qparams was not reproduced: layers.0.past_kv_scale.0.weight has "));
    }

    /// <summary>Changes the digest of the first file that the record says a step wrote, so that the record is sound all the same.</summary>
    private void Forge(string step)
    {
        var record = JsonNode.Parse(File.ReadAllText(_folder.At("recipe.lock")))!;
        var entry = record["steps"]!.AsArray().Single(each => each!["step"]!.GetValue<string>() == step)!;
        var outputs = entry["outputs"]!.AsArray();
        outputs[0]!["sha256"] = Digest.Of("something else").ToString();
        entry["tree"] = StoredTree.Create(outputs.Select(file => new TreeEntry.File(
            RelativePath.Parse(file!["path"]!.GetValue<string>()), Digest.Parse(file["sha256"]!.GetValue<string>()), file["size"]!.GetValue<long>(), Executable: false))).Digest.ToString();
        File.WriteAllText(_folder.At("recipe.lock"), record.ToJsonString());
    }

    private CommandResult Run(string command, params string[] arguments) => LayerCakeCommand.Run(_folder.Path, [command, "--recipe", "recipe.yaml", .. arguments]);

    private CommandResult Lock(params string[] arguments) => Run("lock", arguments);

    private static void WriteTo(TemporaryFolder folder)
    {
        Directory.CreateDirectory(folder.At("model"));
        foreach (var file in Directory.EnumerateFiles(RepositoryFiles.DemoModel))
        {
            File.WriteAllBytes(folder.At("model", Path.GetFileName(file)), File.ReadAllBytes(file));
        }

        SmallRecipe.WriteTo(folder);
    }
}
