using CsCheck;

namespace LayerCake.Recipes.Tests;

/// <summary>A matrix is all of its combinations, each the recipe that it would be if written by hand.</summary>
internal sealed class MatrixTests
{
    private const string TwoByTwo = Recipes.Full + "\nmatrix: { convert.tensor_parallel: [1, 2], calibrate.samples: [32, 128] }\n";

    private static readonly string[] s_twoByTwo =
    [
        "demo-tensor_parallel1-samples32", "demo-tensor_parallel1-samples128", "demo-tensor_parallel2-samples32", "demo-tensor_parallel2-samples128",
    ];

    [Test]
    public void Every_combination_is_a_variant_in_the_order_written()
    {
        var variants = All(TwoByTwo);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(variants.Select(variant => variant.Name), Is.EqualTo(s_twoByTwo));
            Assert.That(variants.Select(variant => (variant.Recipe.Convert.TensorParallel.Degree, variant.Recipe.Calibrate!.Samples)), Is.EqualTo(new[] { (1, 32), (1, 128), (2, 32), (2, 128) }));
            Assert.That(
                variants[1].Values,
                Is.EqualTo(new[] { KeyValuePair.Create("convert.tensor_parallel", "1"), KeyValuePair.Create("calibrate.samples", "128") }));
        }
    }

    [Test]
    public void A_recipe_without_a_matrix_is_its_only_variant()
    {
        var variants = All(Recipes.Full);

        Assert.That(variants.Select(variant => variant.Name), Is.EqualTo(new[] { "demo" }));
        Assert.That(variants[0].Values, Is.Empty);
        Assert.That(RecipeReader.Parse(Recipes.Full, "demo.yaml", Path.GetTempPath(), [], "demo").Name, Is.EqualTo("demo"));
    }

    [Test]
    public void The_key_of_a_variant_is_that_of_the_recipe_written_by_hand()
    {
        var axes = new Dictionary<string, string[]>
        {
            ["engine"] = ["lmdeploy 0.1.0", "lmdeploy 0.3.0"],
            ["model.source"] = ["hf:org/name@main", "models/b"],
            ["calibrate.seed"] = ["0", "7"],
            ["kv_qparams.symmetric"] = ["true", "false"],
            ["auto_awq.format"] = ["safetensors", "bin"],
            ["auto_awq.method"] = ["lmdeploy", "awq"],
            ["convert.tensor_parallel"] = ["8", "1"],
            ["package.launch_files"] = ["true", "false"],
        };

        Gen.Select(Gen.Bool.Array[axes.Count], Gen.Shuffle(axes.Keys.ToArray())).Sample(
            (used, order) =>
            {
                var chosen = order.Where((_, i) => used[i]).ToList();
                var matrix = string.Concat(chosen.Select(key => $"  {key}: [{string.Join(", ", axes[key])}]\n"));
                var variants = All(chosen.Count == 0 ? Recipes.Full : $"{Recipes.Full}\nmatrix:\n{matrix}");

                Assert.That(variants, Has.Count.EqualTo(chosen.Aggregate(1, (count, key) => count * axes[key].Length)));
                Assert.That(variants.Select(variant => variant.Name).Distinct(StringComparer.OrdinalIgnoreCase).Count(), Is.EqualTo(variants.Count));
                foreach (var variant in variants)
                {
                    var byHand = Recipes.Parse(Recipes.Full, [.. variant.Values.Select(value => $"{value.Key}={value.Value}"), $"name={variant.Name}"]);
                    Assert.That(KeyText.Of(variant.Recipe.AddTo), Is.EqualTo(KeyText.Of(byHand.AddTo)));
                }
            },
            iter: 100);
    }

    [TestCase("matrix: { kv_qparams.symmetric: [false, true], auto_awq.format: [bin, safetensors] }", "demo-symmetric_false-format_bin demo-symmetric_false-format_safetensors demo-symmetric_true-format_bin demo-symmetric_true-format_safetensors")]
    [TestCase("matrix: { engine: [lmdeploy 0.1.0, lmdeploy 0.2.0] }", "demo-engine_lmdeploy-0.1.0 demo-engine_lmdeploy-0.2.0")]
    [TestCase("matrix: { calibrate.dataset: [data/a.txt, data/b.jsonl] }", "demo-dataset_a.txt demo-dataset_b.jsonl")]
    [TestCase("matrix: { calibrate.dataset: [x/a.txt, y/a.txt] }", "demo-dataset_a.txt-293c5cc2 demo-dataset_a.txt-519fdf35")]
    [TestCase("matrix: { execution.memory_budget: [8 GiB, 16 GiB] }", "demo-memory_budget8-GiB demo-memory_budget16-GiB")]
    [TestCase("matrix: { model.source: [M/a, m/A] }", "demo-source_a-7a0bd9e6 demo-source_A-c66559f4")]
    public void Names_are_readable_and_unique_even_where_case_does_not_count(string matrix, string names)
    {
        var found = string.Join(' ', All($"{Recipes.Full}\n{matrix}").Select(variant => variant.Name));

        Assert.That(found, Is.EqualTo(names));
    }

    [Test]
    public void A_name_that_would_be_too_long_is_shortened_and_stays_unique()
    {
        var name = new string('n', 95);
        var names = All(TwoByTwo.Replace("name: demo", $"name: {name}")).Select(variant => variant.Name).ToList();

        Assert.That(names, Is.Unique.And.All.Length.EqualTo(100).And.All.StartsWith(name[..91] + "-"));
    }

    [Test]
    public void A_value_that_an_argument_gives_does_not_vary_and_keeps_its_part_of_the_name()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Names(TwoByTwo, "calibrate.samples=128"), Is.EqualTo(new[] { s_twoByTwo[1], s_twoByTwo[3] }));
            Assert.That(Names(TwoByTwo, "calibrate.samples=7", "convert.tensor_parallel=1"), Is.EqualTo(new[] { "demo-tensor_parallel1-samples7" }));
            Assert.That(Names(TwoByTwo, "calibrate.samples=null"), Is.EqualTo(new[] { "demo-tensor_parallel1", "demo-tensor_parallel2" }));
            Assert.That(Names(TwoByTwo, "matrix=null"), Is.EqualTo(new[] { "demo" }));
            Assert.That(Names(TwoByTwo, "name=x", "convert={ tensor_parallel: 2 }"), Is.EqualTo(new[] { "x-tensor_parallel2-samples32", "x-tensor_parallel2-samples128" }));
            Assert.That(Names(TwoByTwo, "calibrate=null", "kv_qparams=null", "auto_awq=null"), Is.EqualTo(new[] { "demo-tensor_parallel1", "demo-tensor_parallel2" }));
            Assert.That(Recipes.Parse(TwoByTwo, "calibrate.samples=7", "convert.tensor_parallel=2").Name, Is.EqualTo("demo-tensor_parallel2-samples7"));
        }
    }

    [Test]
    public void One_recipe_of_a_matrix_is_read_by_its_name_only()
    {
        Assert.That(RecipeReader.Parse(TwoByTwo, "demo.yaml", Path.GetTempPath(), [], s_twoByTwo[2]).Name, Is.EqualTo(s_twoByTwo[2]));
        Assert.That(
            Recipes.Refused(TwoByTwo),
            Is.EqualTo($"demo.yaml:15:1: the recipe has a matrix of 4 variants; choose a variant with --variant NAME: {string.Join(", ", s_twoByTwo)}"));
        Assert.That(
            Assert.Throws<RecipeException>(() => RecipeReader.Parse(TwoByTwo, "demo.yaml", Path.GetTempPath(), [], "demo-tensor_parallel2-samples3"))!.Message,
            Is.EqualTo("--variant demo-tensor_parallel2-samples3: demo.yaml has no such variant; did you mean 'demo-tensor_parallel2-samples32'?"));
        Assert.That(
            Assert.Throws<RecipeException>(() => RecipeReader.Parse(Recipes.Full, "demo.yaml", Path.GetTempPath(), [], "other"))!.Message,
            Is.EqualTo("--variant other: demo.yaml has no such variant; it has only demo"));
    }

    [TestCase("matrix:", "15:1: matrix has no value; write lists of values such as { convert.tensor_parallel: [1, 2], calibrate.samples: [32, 128] }, or leave the line out")]
    [TestCase("matrix: {}", "15:1: matrix is empty; write lists of values such as { convert.tensor_parallel: [1, 2], calibrate.samples: [32, 128] }, or leave it out")]
    [TestCase("matrix: [1, 2]", "15:9: matrix is a list; it must hold lists of values such as { convert.tensor_parallel: [1, 2], calibrate.samples: [32, 128] }")]
    [TestCase("matrix: { convert.tensor_paralel: [1, 2] }", "15:11: unknown key 'convert.tensor_paralel' in matrix; did you mean 'convert.tensor_parallel'?")]
    [TestCase("matrix: { tensor_parallel: [1, 2] }", "15:11: unknown key 'tensor_parallel' in matrix; did you mean 'convert.tensor_parallel'?")]
    [TestCase("matrix: { name: [a, b] }", "15:11: name cannot be in matrix: each variant is named after its values")]
    [TestCase("matrix: { extends: [a.yaml, b.yaml] }", "15:11: extends cannot be in matrix, which holds values of a recipe such as convert.tensor_parallel")]
    [TestCase("matrix: { convert: { tensor_parallel: [1, 2] } }", "15:11: convert in matrix is a section; write the whole key of a value: convert.tensor_parallel: [A, B]")]
    [TestCase("matrix: { calibrate.samples: 32 }", "15:30: calibrate.samples in matrix is the number 32; it must be a list of values, each a whole number from 1 to 100000")]
    [TestCase("matrix: { calibrate.samples: [] }", "15:30: calibrate.samples in matrix is an empty list; list its values, or leave the line out")]
    [TestCase("matrix: { calibrate.samples: [32] }", "15:30: calibrate.samples in matrix has one value; write it as calibrate: { samples: VALUE }, or add another")]
    [TestCase("matrix: { calibrate.samples: [32, 64, 32] }", "15:39: calibrate.samples in matrix has the value 32 twice")]
    [TestCase("matrix: { calibrate.dataset: [a.txt, 'a.txt'] }", "15:38: calibrate.dataset in matrix has the value a.txt twice")]
    [TestCase("matrix: { calibrate.samples: [32, 0] }", "15:35: calibrate.samples is 0; it must be a whole number from 1 to 100000")]
    [TestCase("matrix: { calibrate.samples: [32, null] }", "15:35: calibrate.samples in matrix has an empty value; each must be a whole number from 1 to 100000")]
    [TestCase("matrix: { calibrate.samples: [32, [64]] }", "15:35: calibrate.samples in matrix has a list among its values; each must be a whole number from 1 to 100000")]
    [TestCase("matrix: { calibrate.seed: [1, 2], calibrate.seed: [3, 4] }", "15:35: duplicate key 'calibrate.seed' in matrix; it already stands in line 15")]
    public void A_wrong_matrix_is_refused_at_its_place(string matrix, string message) =>
        Assert.That(Recipes.Refused($"{Recipes.Full}\n{matrix}"), Is.EqualTo("demo.yaml:" + message));

    [Test]
    public void More_variants_than_anybody_wants_are_refused()
    {
        var seeds = string.Join(", ", Enumerable.Range(0, 129));

        Assert.That(
            Recipes.Refused($"{Recipes.Full}\nmatrix: {{ calibrate.seed: [{seeds}], convert.tensor_parallel: [1, 2] }}"),
            Is.EqualTo("demo.yaml:15:1: matrix gives more than 256 variants (129 x 2); take values out, or split the recipe"));
        Assert.That(All($"{Recipes.Full}\nmatrix: {{ calibrate.seed: [{seeds[..^5]}], convert.tensor_parallel: [1, 2] }}"), Has.Count.EqualTo(256));
    }

    [Test]
    public void A_combination_that_cannot_be_built_is_told_with_the_line_of_the_matrix_and_its_variant()
    {
        const string Recipe = """
            name: demo
            model: { name: llama2, source: m }
            calibrate: { dataset: a.txt }
            kv_qparams: {}
            matrix:
              convert.weight_type: [auto, bfloat16]
              convert.tensor_parallel: [1, 2]
            """;

        Assert.That(
            Recipes.Refused(Recipe),
            Is.EqualTo("demo.yaml:6:31: convert.weight_type bfloat16 cannot go with kv_qparams: the engine reads an int8 KV cache with float16 or int4 weights only; "
                + "write float16 (in the variant demo-weight_type_bfloat16-tensor_parallel1 and 1 more)"));
        Assert.That(
            Recipes.Refused(Recipe.Replace("kv_qparams: {}", "kv_qparams: { cache: int4 }").Replace("bfloat16", "float16")),
            Does.StartWith("demo.yaml:4:22: kv_qparams cannot be used").And.Not.Contains("variant").And.Not.Contains("\n"), "what is wrong with all is told once");
    }

    [Test]
    public void A_fault_found_later_points_to_the_value_in_the_matrix() =>
        Assert.That(All(TwoByTwo)[2].Recipe.Refuse("convert.tensor_parallel", "no").Message, Is.EqualTo("demo.yaml:15:40: no"));

    [Test]
    public void A_matrix_of_a_base_merges_list_by_list_and_a_written_value_ends_its_list()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("base.yaml"), TwoByTwo);

        string[] Extended(string text) => [.. RecipeReader.ParseAll($"extends: base.yaml\n{text}", "x.yaml", folder.At("x")[..^2], []).Select(variant => variant.Name)];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Extended(""), Is.EqualTo(s_twoByTwo));
            Assert.That(Extended("matrix: { calibrate.samples: [1, 2], convert.tensor_parallel: null }"), Is.EqualTo(new[] { "demo-samples1", "demo-samples2" }));
            Assert.That(Extended("convert: { tensor_parallel: 4 }"), Is.EqualTo(new[] { "demo-samples32", "demo-samples128" }));
            Assert.That(Extended("convert: { tensor_parallel: 4 }\ncalibrate: { samples: 8 }"), Is.EqualTo(new[] { "demo" }));
            Assert.That(Extended("matrix: null"), Is.EqualTo(new[] { "demo" }));
            Assert.That(Extended("calibrate: null\nkv_qparams: null\nauto_awq: null"), Is.EqualTo(new[] { "demo-tensor_parallel1", "demo-tensor_parallel2" }));
        }
    }

    [Test]
    public void A_mutated_matrix_is_read_or_refused()
    {
        string[] pieces = ["[", "]", "{", "}", ", ", ": ", "null", "name", "matrix", "extends: ", "calibrate", ".samples", "convert.tensor_parallel: [1, 2]", "32", "\n", "\n  ", "- ", "~", "x.yaml"];

        Gen.Select(Gen.Double.Unit, Gen.Int[0, 10], AnyOf.These(pieces)).Array[1, 6].Sample(
            edits =>
            {
                var text = edits.Aggregate(TwoByTwo, (text, edit) =>
                {
                    var start = (int)(edit.Item1 * text.Length);
                    return text[..start] + edit.Item3 + text[Math.Min(text.Length, start + edit.Item2)..];
                });
                try
                {
                    Assert.That(All(text), Is.Not.Empty);
                }
                catch (RecipeException e)
                {
                    Assert.That(e.Faults, Has.All.Matches<RecipeFault>(fault => fault!.Line >= 0 && !fault.Message.Contains('\n')));
                }
            },
            iter: 1000);
    }

    [Test]
    public void The_twelve_variants_of_the_example_share_what_they_have_in_common()
    {
        var variants = RecipeReader.LoadAll(RepositoryFiles.Recipes("internlm-tiny-matrix.yaml"), []);

        Assert.That(variants, Has.Count.EqualTo(12));
        Assert.That(variants.Select(variant => KeyText.Of(key => variant.Recipe.Calibrate!.AddTo(key))).Distinct().Count(), Is.EqualTo(6), "calibrate does not see the number of GPUs");
    }

    private static IReadOnlyList<RecipeVariant> All(string text, params string[] overrides) => RecipeReader.ParseAll(text, "demo.yaml", Path.GetTempPath(), overrides);

    private static string[] Names(string text, params string[] overrides) => [.. All(text, overrides).Select(variant => variant.Name)];
}
