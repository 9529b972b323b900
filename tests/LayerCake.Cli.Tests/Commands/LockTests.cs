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

    private CommandResult Lock(params string[] arguments) => LayerCakeCommand.Run(_folder.Path, ["lock", "--recipe", "recipe.yaml", .. arguments]);

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
