namespace LayerCake.Recipes.Tests;

internal sealed class RecipeLocatorTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        Directory.CreateDirectory(_folder.At("recipes"));
        Directory.CreateDirectory(_folder.At("sub"));
        foreach (var path in new[] { "here.yaml", "recipes/here.yaml", "recipes/demo-w4.yaml", "recipes/other.yml", "sub/mine.yaml" })
        {
            File.WriteAllText(_folder.At(path), "");
        }
    }

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [TestCase("here.yaml", "here.yaml")]
    [TestCase("here", "here.yaml")]
    [TestCase("demo-w4.yaml", "recipes/demo-w4.yaml")]
    [TestCase("demo-w4", "recipes/demo-w4.yaml")]
    [TestCase("recipes/demo-w4.yaml", "recipes/demo-w4.yaml")]
    [TestCase("other", "recipes/other.yml")]
    [TestCase("sub/mine.yaml", "sub/mine.yaml")]
    public void A_recipe_is_looked_for_as_given_and_then_in_recipes(string name, string found) =>
        Assert.That(Path.GetFullPath(RecipeLocator.Find(name, _folder.Path)), Is.EqualTo(_folder.At(found)));

    [Test]
    public void A_full_path_is_found_from_anywhere() =>
        Assert.That(RecipeLocator.Find(_folder.At("sub", "mine.yaml"), Path.GetTempPath()), Is.EqualTo(_folder.At("sub", "mine.yaml")));

    [TestCase("demo-w8", "there is no such recipe, as given or in recipes; did you mean 'demo-w4'? Recipes has demo-w4, here, other")]
    [TestCase("xyz", "there is no such recipe, as given or in recipes; recipes has demo-w4, here, other")]
    [TestCase("sub", "this is a folder; name a recipe file")]
    [TestCase("", "the recipe has no name; name a file, such as recipes/internlm-tiny-w4kv8.yaml")]
    public void A_name_that_is_not_found_is_answered_with_those_that_are(string name, string message) =>
        Assert.That(
            Assert.Throws<RecipeException>(() => RecipeLocator.Find(name, _folder.Path))!.Message, Is.EqualTo($"--recipe {name}: {message}"));

    [Test]
    public void A_folder_without_recipes_is_said_to_hold_none() =>
        Assert.That(
            Assert.Throws<RecipeException>(() => RecipeLocator.Find("x", _folder.At("sub")))!.Message,
            Is.EqualTo("--recipe x: there is no such recipe, as given or in recipes; the folder recipes holds no recipe"));
}
