using LayerCake.Testing;

namespace LayerCake.Cli.Tests.BadInput;

/// <summary>Recipes with faults: all of them are told, with their places, and nothing runs.</summary>
public sealed class RecipeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static IEnumerable<TestCaseData> Recipes()
    {
        yield return Case(
            "every kind of wrong value",
            """
            name: bad name!
            engine: lmdeploy 9.9
            model:
              nme: internlm-chat-7b
              source: 7
            calibrate: { dataset: /nothere, samples: 0, seed: x }
            auto_awq: { group_size: 100 }
            convrt: {}
            """,
            """
            recipe.yaml:1:7: name is 'bad name!'; it must be a folder name of letters, digits, '.', '_' and '-' (at most 100, the first a letter or digit)
            recipe.yaml:2:9: engine is 'lmdeploy 9.9'; write the release with three numbers, such as 'lmdeploy 0.1.0'
            recipe.yaml:3:1: model.name is missing: a model name of LMDeploy, such as internlm-chat-7b or llama2
            recipe.yaml:4:3: unknown key 'nme' in model; did you mean 'name'?
            recipe.yaml:5:11: model.source is the number 7; it must be a folder, or hf:organization/name@revision. If it is a text, quote it: "7"
            recipe.yaml:6:23: calibrate.dataset is '/nothere'; it must be a .txt or .jsonl file
            recipe.yaml:6:42: calibrate.samples is 0; it must be a whole number from 1 to 100000
            recipe.yaml:6:51: calibrate.seed is the text 'x'; it must be a whole number from 0 to 4294967295
            recipe.yaml:7:25: auto_awq.group_size is 100; it must be 128: the engine has int4 kernels for groups of 128 only
            recipe.yaml:8:1: unknown key 'convrt'; did you mean 'convert'?
            """);
        yield return Case(
            "a model and a text that are not there",
            SmallRecipe.Text("nothere", "nothing.txt"),
            "recipe.yaml:5:11: model.source nothere does not exist (looked for {folder}/nothere); a relative path counts from the recipe's folder");
    }

    private static TestCaseData Case(string name, string recipe, string messages) => new TestCaseData(recipe, messages + "\n").SetArgDisplayNames(name);

    [TestCaseSource(nameof(Recipes))]
    public void All_faults_of_a_recipe_are_told_at_once_by_every_command(string recipe, string messages)
    {
        File.WriteAllText(_folder.At("recipe.yaml"), recipe);
        var expected = messages.Replace("{folder}", _folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Run("plan", "--recipe", "recipe.yaml").WasRefusedWith(ExitCode.Recipe, Is.EqualTo(expected));
            Run("build", "-r", "recipe.yaml").WasRefusedWith(ExitCode.Recipe, Is.EqualTo(expected));
            Run("step", "convert", "--recipe=recipe.yaml").WasRefusedWith(ExitCode.Recipe, Is.EqualTo(expected));
            Assert.That(Directory.Exists(_folder.At("artifacts")), Is.False);
        }
    }

    [TestCase("calibrate.smples=3", "--set calibrate.smples=3: unknown key 'calibrate.smples'; did you mean 'calibrate.samples'?")]
    [TestCase("calibrate.samples=many", "--set calibrate.samples=many: calibrate.samples is the text 'many'; it must be a whole number from 1 to 100000")]
    public void A_wrong_override_is_told(string setting, string message)
    {
        File.WriteAllText(_folder.At("recipe.yaml"), SmallRecipe.Text(RepositoryFiles.DemoModel));
        SmallRecipe.WriteText(_folder);

        Run("plan", "--recipe", "recipe.yaml", "--set", setting).WasRefusedWith(ExitCode.Recipe, Is.EqualTo(message + "\n"));
    }

    [Test]
    public void A_recipe_that_is_not_there_is_told() => Run("plan", "--recipe", "nothing.yaml").WasRefusedWith(
        ExitCode.Recipe, Does.StartWith("--recipe nothing.yaml: there is no such recipe, as given or in recipes").And.EndWith("\n"));

    [TestCase("name: [", "recipe.yaml:2:1: this is not YAML: While parsing a node, did not find expected node content")]
    [TestCase(
        "name: a\nname: b\n",
        "recipe.yaml:1:1: model is missing: a section such as { name: internlm-chat-7b, source: models/internlm-tiny }\nrecipe.yaml:2:1: duplicate key 'name'; it already stands in line 1")]
    [TestCase("name: caf\u00e9", "recipe.yaml:1:10: the file is not UTF-8 here; save it as UTF-8")]
    public void A_file_that_is_no_recipe_is_told_with_its_place(string content, string message)
    {
        // As Latin-1, of which the last one is not UTF-8.
        File.WriteAllBytes(_folder.At("recipe.yaml"), System.Text.Encoding.Latin1.GetBytes(content));

        Run("plan", "--recipe", "recipe.yaml").WasRefusedWith(ExitCode.Recipe, Is.EqualTo(message + "\n"));
    }

    private CommandResult Run(params string[] arguments) => LayerCakeCommand.Run(_folder.Path, arguments);
}
