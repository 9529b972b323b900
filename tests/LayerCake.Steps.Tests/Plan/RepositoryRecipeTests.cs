using LayerCake.Building;
using LayerCake.Recipes;
using LayerCake.Testing;

namespace LayerCake.Steps.Tests.Plan;

/// <summary>The recipes that come with the project.</summary>
[TestFixture]
internal sealed class RepositoryRecipeTests
{
    [TestCase("internlm-tiny-w4kv8", 6)]
    [TestCase("internlm-tiny-fp16", 2)]
    public void A_recipe_of_the_demo_checkpoint_can_be_planned(string name, int steps)
    {
        using var folder = new TemporaryFolder();
        using var store = ArtifactStore.Open(folder.At("store"), new StoreOptions { ReadOnly = true });
        var build = RecipeBuild.Open(RecipeReader.Load(RepositoryFiles.Recipes(name + ".yaml"), []), folder.Path);

        var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, store);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(plan.Steps, Has.Count.EqualTo(steps));
            Assert.That(plan.Steps.Select(step => step.Reason), Is.All.EqualTo("never built"));
            Assert.That(build.OutputFolder, Is.EqualTo(folder.At(name)));
            Assert.That(Directory.EnumerateFileSystemEntries(folder.Path), Is.Empty, "a plan writes nothing");
        }
    }

    [TestCase("internlm-7b-w4")]
    [TestCase("llama2-7b-w4kv8")]
    public void A_recipe_whose_checkpoint_is_not_here_is_refused_at_its_source(string name)
    {
        // In a folder of its own, where nobody has put the checkpoint.
        using var folder = new TemporaryFolder();
        DemoProject.Copy(RepositoryFiles.Recipes(name + ".yaml"), folder.At("recipe.yaml"));
        var recipe = RecipeReader.Load(folder.At("recipe.yaml"), []);

        Assert.That(() => RecipeBuild.Open(recipe, folder.At("artifacts")), Throws.TypeOf<RecipeException>().With.Message.Match(@"recipe\.yaml:\d+:\d+: model\.source .* does not exist"));
    }
}
