using LayerCake.Building;
using LayerCake.Recipes;
using LayerCake.Testing;

namespace LayerCake.Steps.Tests.Plan;

/// <summary>The lock record that is committed beside the demo recipe.</summary>
[TestFixture]
internal sealed class RepositoryLockTests
{
    private static readonly string s_recipe = RepositoryFiles.Recipes("internlm-tiny-w4kv8.yaml");

    [Test]
    public void The_committed_lock_record_of_the_demo_is_what_is_planned_here()
    {
        using var folder = new TemporaryFolder();
        using var store = ArtifactStore.Open(folder.At("store"), new StoreOptions { ReadOnly = true });
        var record = LockRecord.Read(LockRecord.PathOf(s_recipe));

        var (build, plan) = Plan(folder.Path, store);

        Assert.That(record.Compare([new LockSubject(build.Recipe, plan)]), Is.Empty, "run 'layercake build' and 'layercake lock' on the demo recipe to renew it");
        Assert.That(record.WithoutOutput, Is.Empty);
        Assert.That(
            LockRecord.Of([new LockSubject(build.Recipe, plan)], previous: record).ToJson(), Is.EqualTo(File.ReadAllBytes(LockRecord.PathOf(s_recipe))), "byte for byte");
    }

    [Test]
    [Category("Slow")]
    public async Task The_outputs_that_the_lock_record_of_the_demo_names_are_built_here_too()
    {
        using var folder = new TemporaryFolder();
        var record = LockRecord.Read(LockRecord.PathOf(s_recipe));
        using var store = ArtifactStore.Open(folder.At("store"), new StoreOptions());
        var (_, plan) = Plan(folder.Path, store);

        var results = await new StepRunner(store, SilentReporter.Instance).RunAllAsync(plan, forced: _ => false);

        Assert.That(results, Has.Count.EqualTo(6));
        foreach (var result in results)
        {
            Assert.That(() => record.ThrowIfNotReproduced(result.Name, result.Key, result.Tree), Throws.Nothing);
        }
    }

    [Test]
    public void A_matrix_that_repeats_values_of_the_demo_shares_its_steps()
    {
        using var folder = new TemporaryFolder();
        using var store = ArtifactStore.Open(folder.At("store"), new StoreOptions { ReadOnly = true });
        var (_, demo) = Plan(folder.Path, store);

        var variants = RecipeReader.LoadAll(RepositoryFiles.Recipes("internlm-tiny-matrix.yaml"), ["execution.device=cpu"])
            .Select(variant => RecipeBuild.Open(variant.Recipe, folder.Path))
            .Select(build => BuildPlan.Create(build.Recipe.Name, build.Steps, store))
            .ToList();

        var alike = variants.Single(plan => plan.RecipeName == "internlm-tiny-matrix-samples32-seed0-tensor_parallel1");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(variants, Has.Count.EqualTo(12));
            Assert.That(alike["convert"].Key, Is.EqualTo(demo["convert"].Key));
            Assert.That(alike["package"].Key, Is.Not.EqualTo(demo["package"].Key), "its name is in it");
            Assert.That(variants.SelectMany(plan => plan.Steps).Select(step => step.Key).Distinct().Count(), Is.EqualTo(6 + 12 + 6 + 12 + 12 + 12));
        }
    }

    private static (RecipeBuild Build, BuildPlan Plan) Plan(string artifacts, ArtifactStore store)
    {
        // A GPU has numerics of its own; the record is of the processor's, which are the same everywhere.
        var build = RecipeBuild.Open(RecipeReader.Load(s_recipe, ["execution.device=cpu"]), artifacts);
        return (build, BuildPlan.Create(build.Recipe.Name, build.Steps, store));
    }
}
