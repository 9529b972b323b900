using CsCheck;

namespace LayerCake.Recipes.Tests;

/// <summary>A recipe that extends another is the recipe that somebody who merged the two by hand would have written.</summary>
internal sealed class ExtendsTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Create() => _folder = new TemporaryFolder();

    [TearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void What_the_recipe_does_not_say_comes_from_the_base_section_by_section()
    {
        Write("base.yaml", Recipes.Full);
        Write("demo.yaml", """
            extends: base.yaml
            name: other
            calibrate: { samples: 32 }
            convert: { tensor_parallel: 2 }
            """);

        var recipe = Load("demo.yaml");

        var byHand = Recipes.Parse(Recipes.Full, "name=other", "calibrate.samples=32", "convert.tensor_parallel=2");
        Assert.That(KeyText.Of(recipe.AddTo), Is.EqualTo(KeyText.Of(byHand.AddTo)));
    }

    [Test]
    public void A_base_need_not_be_whole_and_may_have_a_base_itself()
    {
        Write("engine.yaml", "engine: lmdeploy 0.3.0\nmodel: { name: llama2 }");
        Write("parts/steps.yml", "extends: ../engine.yaml\ncalibrate: { dataset: a.txt }\nkv_qparams: {}");
        Write("demo.yaml", "extends: parts/steps.yml\nname: demo\nmodel: { source: models/llama }");

        var recipe = Load("demo.yaml");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recipe.Engine.Name, Is.EqualTo("lmdeploy 0.3.0"));
            Assert.That(recipe.Model, Is.EqualTo(new ModelOptions { Name = "llama2", Source = new FolderSource("models/llama") }));
            Assert.That(recipe.Steps.Select(step => step.Section.Name), Is.EqualTo(new[] { "calibrate", "kv_qparams", "convert", "package" }));
        }
    }

    [Test]
    public void A_null_removes_a_section_or_a_value_of_the_base()
    {
        Write("base.yaml", Recipes.Full);
        Write("demo.yaml", "extends: base.yaml\nauto_awq: null\ncalibrate: { samples: null }");

        var recipe = Load("demo.yaml");

        Assert.That(recipe.AutoAwq, Is.Null);
        Assert.That(recipe.Calibrate!.Samples, Is.EqualTo(128), "the default");
        Assert.That(recipe.KvQparams, Is.Not.Null);
    }

    [Test]
    public void A_relative_path_counts_from_the_folder_of_the_file_that_says_it()
    {
        Directory.CreateDirectory(_folder.At("shared", "model"));
        Write("shared/base.yaml", "name: demo\nmodel: { name: llama2, source: model }\ncalibrate: { dataset: nowhere.txt }\nkv_qparams: {}");
        Write("own.txt", "text");
        Write("demo.yaml", "extends: shared/base.yaml\ncalibrate: { dataset: own.txt }");

        var recipe = Load("demo.yaml");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recipe.ResolveModel(), Is.EqualTo(_folder.At("shared", "model")));
            Assert.That(recipe.ResolveDataset(), Is.EqualTo(_folder.At("own.txt")));
            Assert.That(
                RecipeReader.Load(_folder.At("demo.yaml"), ["calibrate.dataset=own.txt"]).ResolveDataset(), Is.EqualTo(_folder.At("own.txt")), "an argument's counts from the recipe");
        }
    }

    [Test]
    public void Faults_name_the_file_and_line_they_stand_in_the_recipes_own_first()
    {
        Write("parts/base.yaml", "engine: lmdeploy 0.1.0\nmodel: { name: llama2, source: m }\ncalibrate:\n  dataset: a.txt\n  sample: 3\n  seed: 010\nkv_qparams: {}\n");
        Write("demo.yaml", "name: demo\nextends: parts/base.yaml\nconvert: { tensor_parallel: 3 }\n");

        Assert.That(Refused("demo.yaml", "calibrate.samples=0"), Is.EqualTo(string.Join('\n',
            "demo.yaml:3:29: convert.tensor_parallel is 3; it must be one of 1, 2, 4, 8, 16, 32, 64: each layer is halved again and again, so only a power of two works",
            "parts/base.yaml:5:3: unknown key 'sample' in calibrate; did you mean 'samples'?",
            "parts/base.yaml:6:9: calibrate.seed is the text '010'; it must be a whole number from 0 to 4294967295, in decimal digits without a leading 0, '+', '_' or ':'",
            "--set calibrate.samples=0: calibrate.samples is 0; it must be a whole number from 1 to 100000")));
    }

    [Test]
    public void Duplicate_keys_are_told_in_both_files()
    {
        Write("base.yaml", Recipes.Full + "\nengine: lmdeploy 0.3.0");
        Write("demo.yaml", "extends: base.yaml\ncalibrate:\n  seed: 1\n  seed: 2\n");

        Assert.That(Refused("demo.yaml"), Is.EqualTo(string.Join('\n',
            "demo.yaml:4:3: duplicate key 'seed' in calibrate; it already stands in line 3",
            "base.yaml:15:1: duplicate key 'engine'; it already stands in line 2")));
    }

    [TestCase("extends: gone.yaml", "demo.yaml:1:10: extends gone.yaml: there is no such file (looked for {folder}/gone.yaml); a relative path counts from this file's folder")]
    [TestCase("extends: folder.yaml", "demo.yaml:1:10: extends folder.yaml: this is a folder; name a recipe file (looked for {folder}/folder.yaml); a relative path counts from this file's folder")]
    [TestCase("extends: demo.yaml", "demo.yaml:1:10: recipes extend each other in a circle: demo.yaml -> demo.yaml")]
    [TestCase("extends: ./sub/../demo.yaml", "demo.yaml:1:10: recipes extend each other in a circle: demo.yaml -> sub/../demo.yaml")]
    [TestCase("extends: list.yaml", "list.yaml:1:1: the recipe is a list; it must be a map with the keys name, model, calibrate…")]
    [TestCase("extends: broken.yaml", "broken.yaml:2:1: this is not YAML: While parsing a node, did not find expected node content")]
    [TestCase("extends:", "demo.yaml:1:9: extends has no value; it must be a recipe's .yaml file, or leave the line out")]
    [TestCase("extends: [a.yaml, b.yaml]", "demo.yaml:1:10: extends is a list; it must be a recipe's .yaml file")]
    [TestCase("extends: 7", "demo.yaml:1:10: extends is the number 7; it must be a recipe's .yaml file. If it is a text, quote it: \"7\"")]
    [TestCase("extends: base", "demo.yaml:1:10: extends is 'base'; it must be a recipe's .yaml file")]
    [TestCase("extends: https://x/base.yaml", "demo.yaml:1:10: extends is 'https://x/base.yaml'; only files and folders of this machine are read")]
    [TestCase("extends: sub\\base.yaml", "demo.yaml:1:10: extends is 'sub\\base.yaml'; write '/' between folders, which works everywhere")]
    public void A_base_that_cannot_be_read_is_the_only_fault(string line, string message)
    {
        Directory.CreateDirectory(_folder.At("folder.yaml"));
        Write("list.yaml", "- a");
        Write("broken.yaml", "{");
        Write("demo.yaml", line + "\n");

        // The name and the model may stand in the base; that they are missing here is no fault.
        Assert.That(Refused("demo.yaml"), Does.StartWith(message.Replace("{folder}", _folder.At("x")[..^2])).And.Not.Contains("\n"));
    }

    [Test]
    public void A_circle_of_several_and_a_chain_without_end_are_refused_where_they_close()
    {
        Write("a.yaml", "extends: b.yaml");
        Write("b.yaml", "extends: a.yaml");
        for (var i = 0; i < 9; i++)
        {
            Write($"chain{i}.yaml", $"extends: chain{i + 1}.yaml");
        }

        Assert.That(Refused("a.yaml"), Is.EqualTo("b.yaml:1:10: recipes extend each other in a circle: a.yaml -> b.yaml -> a.yaml"));
        Assert.That(Refused("chain0.yaml"), Is.EqualTo("chain7.yaml:1:10: more than 8 recipes extend each other; put what they share into one"));
    }

    [Test]
    public void A_null_that_removes_nothing_known_is_a_fault()
    {
        Write("base.yaml", Recipes.Full);
        Write("demo.yaml", "extends: base.yaml\nauto_awk: null\ncalibrate: { sample: null, seed: }\n");

        Assert.That(Refused("demo.yaml"), Is.EqualTo(string.Join('\n',
            "demo.yaml:2:1: unknown key 'auto_awk'; did you mean 'auto_awq'?",
            "demo.yaml:3:14: unknown key 'sample' in calibrate; did you mean 'samples'?",
            "demo.yaml:3:28: calibrate.seed has no value; it must be a whole number from 0 to 4294967295, or leave the line out")));
        Assert.That(Recipes.Refused(Recipes.Full.Replace("package: {}", "package: null")), Does.StartWith("demo.yaml:14:1: package has no value"), "without a base there is nothing to remove");
    }

    [Test]
    public void Merging_gives_what_setting_the_same_values_one_by_one_gives()
    {
        string[] sections = ["calibrate", "kv_qparams", "auto_awq", "convert", "package"];
        var values = new Dictionary<string, string[]>
        {
            ["engine"] = ["lmdeploy 0.1.0", "lmdeploy 0.3.0"],
            ["calibrate.samples"] = ["1", "2", "null"],
            ["calibrate.seed"] = ["3", "null"],
            ["kv_qparams.symmetric"] = ["true", "null"],
            ["auto_awq.format"] = ["bin", "null"],
            ["convert.tensor_parallel"] = ["2", "4", "null"],
            ["package.launch_files"] = ["false", "null"],
        };

        Gen.Select(Gen.Int[0, 7].Array[values.Count], Gen.Bool.Array[sections.Length], Gen.Int[0, 2]).Sample(
            (picks, removed, links) =>
            {
                var chosen = values.Zip(picks).Where(pair => pair.Second < pair.First.Value.Length)
                    .Select(pair => (Key: pair.First.Key, Value: pair.First.Value[pair.Second]))
                    .Where(pair => pair.Key == "engine" || !removed[Array.IndexOf(sections, pair.Key.Split('.')[0])]).ToList();
                var gone = sections.Where((_, i) => removed[i]).ToList();
                var text = string.Concat(gone.Select(section => $"{section}: null\n"))
                    + string.Concat(chosen.GroupBy(pair => pair.Key.Split('.')[0]).Select(group => group.Key == "engine"
                        ? $"engine: {group.First().Value}\n"
                        : $"{group.Key}: {{ {string.Join(", ", group.Select(pair => $"{pair.Key.Split('.')[1]}: {pair.Value}"))} }}\n"));

                using var folder = new TemporaryFolder();
                File.WriteAllText(folder.At("base.yaml"), Recipes.Full);
                for (var i = 0; i < links; i++)
                {
                    File.WriteAllText(folder.At($"link{i}.yaml"), $"extends: {(i == 0 ? "base" : $"link{i - 1}")}.yaml\n");
                }

                var merged = Outcome(() => RecipeReader.Parse($"extends: {(links == 0 ? "base" : $"link{links - 1}")}.yaml\n{text}", "demo.yaml", folder.At("x")[..^2], []));
                var set = Outcome(() => Recipes.Parse(Recipes.Full, [.. gone.Select(section => $"{section}=null"), .. chosen.Select(pair => $"{pair.Key}={pair.Value}")]));
                Assert.That(merged, Is.EqualTo(set), text);
            },
            iter: 100);
    }

    /// <summary>The effective recipe, or what is wrong with it without the places.</summary>
    private static string Outcome(Func<Recipe> read)
    {
        try
        {
            return KeyText.Of(read().AddTo);
        }
        catch (RecipeException e)
        {
            return string.Join('\n', e.Faults.Select(fault => fault.Message).Order(StringComparer.Ordinal));
        }
    }

    private void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.At(path))!);
        File.WriteAllText(_folder.At(path), text);
    }

    private Recipe Load(string file) => RecipeReader.Load(_folder.At(file), []);

    private string Refused(string file, params string[] overrides) =>
        Assert.Throws<RecipeException>(() => RecipeReader.Parse(File.ReadAllText(_folder.At(file)), file, _folder.At("x")[..^2], overrides))!.Message;
}
