namespace LayerCake.Recipes.Tests;

/// <summary>The printed text of every kind of fault: what, where and what to do.</summary>
internal sealed class MessageTests
{
    private const string NameRule = "a folder name of letters, digits, '.', '_' and '-' (at most 100, the first a letter or digit)";
    private const string ModelMissing = "model is missing: a section such as { name: internlm-chat-7b, source: models/internlm-tiny }";

    [Test]
    public void All_faults_of_a_recipe_are_told_at_once_in_the_order_of_the_file()
    {
        var text = Recipes.Full
            .Replace("samples: 64", "sample: 64")
            .Replace("seed: 0", "seed: 010")
            .Replace("symmetric: false", "symmetric: yes")
            .Replace("bits: 4", "bits: \"4\"")
            .Replace("package: {}", "package:\npakage: {}\nname: x");

        Assert.That(Recipes.Refused(text), Is.EqualTo("""
            demo.yaml:8:3: unknown key 'sample' in calibrate; did you mean 'samples'?
            demo.yaml:10:9: calibrate.seed is the text '010'; it must be a whole number from 0 to 4294967295, in decimal digits without a leading 0, '+', '_' or ':'
            demo.yaml:11:39: kv_qparams.symmetric is the text 'yes'; it must be true or false: write true
            demo.yaml:12:19: auto_awq.bits is the text "4"; it must be 4: write 4 without quotes
            demo.yaml:14:1: package has no value; write 'package: {}' for its defaults, or leave the line out
            demo.yaml:15:1: unknown key 'pakage'; did you mean 'package'?
            demo.yaml:16:1: duplicate key 'name'; it already stands in line 1
            """));
    }

    [TestCase("name: *other\n", "an alias ('*name') is not read; write the value itself")]
    [TestCase("name: !x demo\n", "a tag ('!x') is not read; remove it")]
    public void A_required_value_that_cannot_be_read_is_told_once(string name, string problem) =>
        Assert.That(Recipes.Refused(name + Recipes.Least[(Recipes.Least.IndexOf('\n', StringComparison.Ordinal) + 1)..]), Is.EqualTo($"demo.yaml:1:7: {problem}"));

    [Test]
    public void Missing_and_misshapen_sections_are_told_with_an_example() =>
        Assert.That(Recipes.Refused("model: {}\ncalibrate: {}\nkv_qparams:\nauto_awq: []\nconvert: 3\nexecution: true"), Is.EqualTo($$"""
            demo.yaml:1:1: name is missing: {{NameRule}}
            demo.yaml:1:1: model.name is missing: a model name of LMDeploy, such as internlm-chat-7b or llama2
            demo.yaml:1:1: model.source is missing: a folder, or hf:organization/name@revision
            demo.yaml:2:1: calibrate.dataset is missing: a .txt or .jsonl file
            demo.yaml:2:1: calibrate has no use: nothing reads its statistics. Add kv_qparams or auto_awq, or remove it
            demo.yaml:3:1: kv_qparams has no value; write 'kv_qparams: {}' for its defaults, or leave the line out
            demo.yaml:4:11: auto_awq is a list; it must be a section such as { bits: 4, group_size: 128, method: auto, effort: fast, keep: lm_head, format: safetensors }
            demo.yaml:5:10: convert is the number 3; it must be a section such as { tensor_parallel: 1, weight_type: auto }
            demo.yaml:6:12: execution is the truth value true; it must be a section such as { device: auto, memory_budget: 8 GiB, timeout: 2 h, retries: 0, placement: copy }
            """));

    [TestCase("", "demo.yaml:1:1: the recipe is empty")]
    [TestCase("# only a comment\n", "demo.yaml:1:1: the recipe is empty")]
    [TestCase("name", "demo.yaml:1:1: the recipe is the text 'name'; it must be a map with the keys name, model, calibrate…")]
    [TestCase("- a\n- b", "demo.yaml:1:1: the recipe is a list; it must be a map with the keys name, model, calibrate…")]
    [TestCase("name: demo\n\tmodel: x\nconvert:\n  \tx: 1",
        "demo.yaml:2:1: a tab in the indentation; YAML wants spaces\ndemo.yaml:4:3: a tab in the indentation; YAML wants spaces")]
    [TestCase("name: \"a\0b\"", "demo.yaml:1:9: the character U+0000 cannot stand in a recipe; is it a text file?")]
    [TestCase("name: [1,2", "demo.yaml:2:1: this is not YAML: While parsing a flow sequence, did not find expected ',' or ']'")]
    [TestCase("name: 'abc", "demo.yaml:1:7: this is not YAML: While scanning a quoted scalar, found unexpected end of stream")]
    [TestCase("name: a\n  b: c",
        "demo.yaml:2:4: this is not YAML: While scanning a plain scalar value, found invalid mapping; check the indentation, and quote a text that holds ': '")]
    [TestCase("[[[[[[[[[[[[[[[[", "demo.yaml:1:10: more than 8 maps and lists inside each other; a recipe has two levels")]
    public void A_text_that_is_no_map_of_keys_is_refused(string text, string message) => Assert.That(Recipes.Refused(text), Is.EqualTo(message));

    [TestCase("name: &a demo\nconvert: *a",
        "demo.yaml:1:7: an anchor ('&name') is not read; remove it, and write the value where it is wanted\n"
        + "demo.yaml:2:10: an alias ('*name') is not read; write the value itself")]
    [TestCase("name: !!str demo", "demo.yaml:1:7: a tag ('tag:yaml.org,2002:str') is not read; remove it")]
    [TestCase("name: demo\nconvert: !foo {}", "demo.yaml:2:10: a tag ('!foo') is not read; remove it")]
    [TestCase("name: demo\n<<: { convert: {} }", "demo.yaml:2:1: the merge key '<<' is not read; write the keys themselves")]
    [TestCase("name: demo\n? [a, b]\n: c", "demo.yaml:2:3: a list stands where a key is wanted")]
    [TestCase("name: demo\n---\nname: other", "demo.yaml:2:1: a second document begins here; a recipe is one document")]
    public void What_a_recipe_has_no_use_for_is_refused(string text, string message) =>
        Assert.That(Recipes.Refused(text), Is.EqualTo($"demo.yaml:1:1: {ModelMissing}\n{message}"));

    [TestCase("seed: 0", "seed: 1_000", "10:9: calibrate.seed is the text '1_000'; it must be a whole number from 0 to 4294967295, in decimal digits without a leading 0, '+', '_' or ':'")]
    [TestCase("seed: 0", "seed: 0x10", "10:9: calibrate.seed is the text '0x10'; it must be a whole number from 0 to 4294967295, in decimal digits without a leading 0, '+', '_' or ':'")]
    [TestCase("seed: 0", "seed: +4", "10:9: calibrate.seed is the text '+4'; it must be a whole number from 0 to 4294967295, in decimal digits without a leading 0, '+', '_' or ':'")]
    [TestCase("seed: 0", "seed: -1", "10:9: calibrate.seed is -1; it must be a whole number from 0 to 4294967295")]
    [TestCase("seed: 0", "seed: 4294967296", "10:9: calibrate.seed is 4294967296; it must be a whole number from 0 to 4294967295")]
    [TestCase("seed: 0", "seed: 99999999999999999999999999", "10:9: calibrate.seed is 99999999999999999999999999; it must be a whole number from 0 to 4294967295")]
    [TestCase("seed: 0", "seed: 1.5", "10:9: calibrate.seed is the number 1.5; it must be a whole number from 0 to 4294967295")]
    [TestCase("seed: 0", "seed:", "10:3: calibrate.seed has no value; it must be a whole number from 0 to 4294967295, or leave the line out")]
    [TestCase("seed: 0", "seed: ~", "10:3: calibrate.seed has no value; it must be a whole number from 0 to 4294967295, or leave the line out")]
    [TestCase("samples: 64", "samples: 0", "8:12: calibrate.samples is 0; it must be a whole number from 1 to 100000")]
    [TestCase("samples: 64", "samples: [64]", "8:12: calibrate.samples is a list; it must be a whole number from 1 to 100000")]
    [TestCase("samples: 64", "samples: { a: 1 }", "8:12: calibrate.samples is a map; it must be a whole number from 1 to 100000")]
    [TestCase("samples: 64", "samples: many", "8:12: calibrate.samples is the text 'many'; it must be a whole number from 1 to 100000")]
    [TestCase("samples: 64", "bits: 4", "8:3: unknown key 'bits' in calibrate; it belongs to auto_awq")]
    [TestCase("samples: 64", "frobnicate: 4", "8:3: unknown key 'frobnicate' in calibrate; known here: dataset, samples, sequence_length, seed")]
    [TestCase("samples: 64", "seed: 4", "10:3: duplicate key 'seed' in calibrate; it already stands in line 8")]
    [TestCase("symmetric: false", "symmetric: off", "11:39: kv_qparams.symmetric is the text 'off'; it must be true or false: write false")]
    [TestCase("symmetric: false", "symmetric: True", "11:39: kv_qparams.symmetric is the text 'True'; it must be true or false: write true")]
    [TestCase("symmetric: false", "symmetric: 'true'", "11:39: kv_qparams.symmetric is the text \"true\"; it must be true or false: write true without quotes")]
    [TestCase("symmetric: false", "symmetric: 0", "11:39: kv_qparams.symmetric is the number 0; it must be true or false")]
    [TestCase("cache: int8", "cache: int4", "11:22: kv_qparams cannot be used: an int4 KV cache needs lmdeploy 0.4.0 or later, which finds its parameters itself; lmdeploy 0.1.0 knows int8 only: write int8")]
    [TestCase("cache: int8", "cache: 8", "11:22: kv_qparams.cache is the number 8; it must be int8. If it is a text, quote it: \"8\"")]
    [TestCase("bits: 4", "bits: 8", "12:19: auto_awq.bits is 8; it must be 4: AWQ checkpoints and the engine's kernels hold 4-bit weights only")]
    [TestCase("group_size: 128", "group_size: 64", "12:34: auto_awq.group_size is 64; it must be 128: the engine has int4 kernels for groups of 128 only")]
    [TestCase("tensor_parallel: 1", "tensor_parallel: 3", "13:29: convert.tensor_parallel is 3; it must be one of 1, 2, 4, 8, 16, 32, 64: each layer is halved again and again, so only a power of two works")]
    [TestCase("tensor_parallel: 1", "weight_type: float16", "13:25: convert.weight_type float16 contradicts auto_awq, whose weights are int4; write auto, or remove auto_awq")]
    [TestCase("tensor_parallel: 1", "weight_type: int4", "13:25: convert.weight_type is int4: weights become int4 by a step of their own; write auto, and add auto_awq")]
    [TestCase("tensor_parallel: 1", "weight_type: bf16", "13:25: convert.weight_type is bf16: write bfloat16")]
    [TestCase("name: demo", "name: 123", "1:7: name is the number 123; it must be " + NameRule + ". If it is a text, quote it: \"123\"")]
    [TestCase("name: demo", "name: on", "1:7: name is on, which YAML readers understand differently; it must be " + NameRule + ". If it is a text, quote it: \"on\"")]
    [TestCase("name: demo", "name: ../up", "1:7: name is '../up'; it must be " + NameRule)]
    [TestCase("name: demo", "name: Bin", "1:7: name is 'Bin', a folder that builds of LayerCake itself use; choose another")]
    [TestCase("name: demo", "name: demo.", "1:7: name is 'demo.'; a folder name that ends with '.' cannot exist everywhere")]
    [TestCase("name: internlm-chat-7b", "name: internlm-chat7b", "4:9: model.name is 'internlm-chat7b'; it must be a model name of LMDeploy, such as internlm-chat-7b or llama2; did you mean 'internlm-chat-7b'?")]
    [TestCase("models/internlm-tiny", "https://example.org/m", "5:11: model.source is 'https://example.org/m'; addresses are not read: write hf:organization/name@revision for a model of the hub, or a folder")]
    [TestCase("models/internlm-tiny", "hf:internlm", "5:11: model.source is 'hf:internlm'; a model of the hub is written hf:organization/name@revision, the revision a commit, tag or branch")]
    [TestCase("models/internlm-tiny", "~/models", "5:11: model.source is '~/models'; '~' is not expanded: write the whole path")]
    [TestCase("models/internlm-tiny", "models\\tiny", "5:11: model.source is 'models\\tiny'; write '/' between folders, which works everywhere")]
    [TestCase("models/internlm-tiny", "' models'", "5:11: model.source is ' models', with a space at an end")]
    [TestCase("models/internlm-tiny", "''", "5:11: model.source is an empty text")]
    [TestCase("models/internlm-tiny", "s3:models/x", "5:11: model.source is 's3:models/x'; only files and folders of this machine are read")]
    [TestCase("data/prose.txt", "data/prose.csv", "7:12: calibrate.dataset is 'data/prose.csv'; it must be a .txt or .jsonl file")]
    [TestCase("data/prose.txt", "wikitext", "7:12: calibrate.dataset is 'wikitext'; it must be a .txt or .jsonl file; did you mean 'wikitext2'?")]
    [TestCase("lmdeploy 0.1.0", "vllm 0.4.0", "2:9: engine is 'vllm 0.4.0'; it must be a release of lmdeploy, such as 'lmdeploy 0.1.0' (vLLM, SGLang and transformers load the AWQ folder of auto_awq as it is)")]
    [TestCase("lmdeploy 0.1.0", "lmdeploy v0.1.0", "2:9: engine is 'lmdeploy v0.1.0'; write the release with three numbers, such as 'lmdeploy 0.1.0'")]
    [TestCase("lmdeploy 0.1.0", "lmdeploy 0.1.7", "2:9: engine is 'lmdeploy 0.1.7', which is not a known release; the nearest is 'lmdeploy 0.1.0'")]
    [TestCase("package: {}", "execution: { memory_budget: 8 gb }", "14:29: execution.memory_budget is '8 gb'; it must be a size such as '8 GiB' (a whole number and MB, MiB, GB, GiB, TB or TiB)")]
    public void A_wrong_value_is_refused_with_its_place_and_what_to_write(string right, string wrong, string message) =>
        Assert.That(Recipes.Refused(Recipes.Full.Replace(right, wrong)), Is.EqualTo("demo.yaml:" + message));

    [Test]
    public void A_quantizing_step_without_calibration_is_refused()
    {
        var text = Recipes.Least + "\nkv_qparams: {}\nauto_awq: {}";

        Assert.That(Recipes.Refused(text), Is.EqualTo("""
            demo.yaml:5:1: kv_qparams needs calibrate, whose statistics it reads; add a section such as calibrate: { dataset: data/prose-calibration.txt, samples: 128, sequence_length: 2048, seed: 0 }
            demo.yaml:6:1: auto_awq needs calibrate, whose samples it reads; add a section such as calibrate: { dataset: data/prose-calibration.txt, samples: 128, sequence_length: 2048, seed: 0 }
            """));
    }

    [Test]
    public void A_bfloat16_workspace_with_an_int8_cache_is_refused()
    {
        var text = Recipes.Full.Replace("auto_awq: { bits: 4, group_size: 128 }\n", "").Replace("tensor_parallel: 1", "weight_type: bfloat16");

        Assert.That(
            Recipes.Refused(text),
            Is.EqualTo("demo.yaml:12:25: convert.weight_type bfloat16 cannot go with kv_qparams: "
                + "the engine reads an int8 KV cache with float16 or int4 weights only; write float16"));
    }

    [Test]
    public void A_value_cannot_disturb_the_terminal_or_flood_it()
    {
        var text = Recipes.Least.Replace("name: demo", $"name: \"\\e[2J{new string('x', 5000)}\"");

        Assert.That(Recipes.Refused(text), Is.EqualTo("demo.yaml:1:7: name is a text of 5004 characters; at most 4096 are read"));
        Assert.That(
            Recipes.Refused(Recipes.Least.Replace("name: demo", "name: \"\\e[2J\u202e\"")),
            Is.EqualTo($"demo.yaml:1:7: name is '\\u001b[2J\\u202e'; it must be {NameRule}"));
    }

    [Test]
    public void A_flood_of_faults_is_counted_instead_of_printed()
    {
        var text = string.Join('\n', Enumerable.Range(0, 20_000).Select(i => $"key{i}: 1"));

        var fault = Assert.Throws<RecipeException>(() => Recipes.Parse(text))!;

        Assert.That(fault.Message.Split('\n'), Has.Length.EqualTo(51));
        Assert.That(fault.Message, Does.EndWith("\n… and 950 more"));
    }
}
