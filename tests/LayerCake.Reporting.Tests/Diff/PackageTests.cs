using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Reporting.Tests;

public sealed class PackageTests
{
    [Test]
    public void KV_scales_and_settings_are_told_with_both_values()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = (new Checkpoint().ConvertTo(folder.At("a")), new Checkpoint().ConvertTo(folder.At("b")));
        foreach (var (target, scale) in new[] { (a, 0.5f), (b, 0.25f) })
        {
            for (var layer = 0; layer < 2; layer++)
            {
                float[] values = [scale, 0, 0.125f, -1];
                File.WriteAllBytes(Path.Combine(target, $"layers.{layer}.past_kv_scale.0.weight"), values.SelectMany(BitConverter.GetBytes).ToArray());
            }
        }

        var config = Path.Combine(b, "config.ini");
        File.WriteAllText(config, File.ReadAllText(config).Replace("quant_policy = 0", "quant_policy = 4"));

        var difference = PackageDiff.Compare(a, b);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(difference.KeyValueScales.Select(value => (value.Name, value.A, value.B)), Is.EqualTo(new[]
            {
                ("layers.0.past_kv_scale.0.weight k_scale", "0.5", "0.25"), ("layers.1.past_kv_scale.0.weight k_scale", "0.5", "0.25"),
            }));
            Assert.That(difference.Settings.Select(value => (value.Name, value.A, value.B)), Is.EqualTo(new[] { ("config.ini quant_policy", "0", "4") }));
            Assert.That(difference.AreEqual, Is.False);
        }
    }

    [Test]
    public void Other_files_and_links_are_compared_and_links_are_not_followed()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = (new Checkpoint().ConvertTo(folder.At("a")), new Checkpoint().ConvertTo(folder.At("b")));
        File.WriteAllText(Path.Combine(a, "tokenizer.json"), "one");
        File.WriteAllText(Path.Combine(b, "tokenizer.json"), "two");
        File.CreateSymbolicLink(Path.Combine(a, "link"), "/nowhere/a");
        File.CreateSymbolicLink(Path.Combine(b, "link"), "/nowhere/b");

        var files = PackageDiff.Compare(a, b).Files.ToDictionary(file => file.Path);

        Assert.That(files.Keys, Is.EquivalentTo(new[] { "tokenizer.json", "link" }));
        Assert.That((files["link"].A, files["link"].B), Is.EqualTo(("link to /nowhere/a", "link to /nowhere/b")));
    }

    [Test]
    public void A_weight_file_of_a_wrong_size_is_compared_as_a_file()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = (new Checkpoint().ConvertTo(folder.At("a")), new Checkpoint().ConvertTo(folder.At("b")));
        File.WriteAllBytes(Path.Combine(b, "norm.weight"), [1, 2, 3]);

        var difference = PackageDiff.Compare(a, b);

        Assert.That(difference.DifferingTensors.Single().Change, Is.EqualTo(TensorChange.OnlyInA));
        Assert.That(difference.Files.Single().Path, Is.EqualTo("norm.weight"));
    }

    [Test]
    public void A_workspace_and_a_checkpoint_are_refused()
    {
        using var folder = new TemporaryFolder();
        var (a, b) = (new Checkpoint().ConvertTo(folder.At("a")), new Checkpoint().WriteTo(folder.At("b")));

        Assert.That(() => PackageDiff.Compare(a, b), Throws.TypeOf<ReportingException>().With.Message.Contains("is a workspace").And.Message.Contains("give two of a kind"));
    }

    [TestCase("missing", "does not exist")]
    [TestCase("text.txt", "is neither a .safetensors file nor a torch archive")]
    public void What_cannot_be_compared_is_refused(string name, string message)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("text.txt"), "text");

        Assert.That(() => PackageDiff.Compare(folder.At(name), folder.At(name)), Throws.TypeOf<ReportingException>().With.Message.Contains(message));
    }

    [Test]
    public void Statistics_are_compared_file_by_file()
    {
        using var folder = new TemporaryFolder();
        var golden = RepositoryFiles.Golden("internlm", "work_dir");
        Directory.CreateDirectory(folder.At("b"));
        foreach (var file in Directory.EnumerateFiles(golden))
        {
            // Keys in the place of values: the same names, other numbers.
            var name = Path.GetFileName(file);
            File.Copy(name == "value_stats.pth" ? Path.Combine(golden, "key_stats.pth") : file, folder.At("b", name));
        }

        var difference = PackageDiff.Compare(golden, folder.At("b"));

        Assert.That(difference.DifferingTensors.Select(tensor => tensor.Name.Split('/')[0]).Distinct(), Is.EqualTo(new[] { "value_stats.pth" }));
        Assert.That(difference.First, Does.StartWith("the tensor value_stats.pth/max/model.layers.0"));
    }

    [Test]
    public void The_text_cannot_command_a_terminal()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("a"));
        Directory.CreateDirectory(folder.At("b"));
        File.WriteAllText(folder.At("b", "\u001b[2Jname"), "x");
        var output = new StringWriter();

        PackageDifferenceText.Write(output, PackageDiff.Compare(folder.At("a"), folder.At("b")), all: true);

        Assert.That(output.ToString(), Does.Contain("[2Jname"));
        Assert.That(output.ToString().Contains('\u001b'), Is.False);
    }

    [Test]
    public void The_table_has_the_largest_error_first_and_says_what_it_leaves_out()
    {
        using var folder = new TemporaryFolder();
        var changed = new Checkpoint();
        foreach (var tensor in changed.Tensors.Where(tensor => tensor.Name.EndsWith(".scales", StringComparison.Ordinal)))
        {
            changed.Values<float>(tensor.Name)[0] *= 1.5f;
        }

        foreach (var tensor in changed.Tensors.Where(tensor => tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal) || tensor.Name.EndsWith(".bias", StringComparison.Ordinal)))
        {
            changed.Values<Half>(tensor.Name)[0] += (Half)2;
        }

        var difference = PackageDiff.Compare(new Checkpoint().WriteTo(folder.At("a")), changed.WriteTo(folder.At("b")));
        var (brief, all) = (new StringWriter(), new StringWriter());
        PackageDifferenceText.Write(brief, difference, all: false);
        PackageDifferenceText.Write(all, difference, all: true);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(difference.DifferingTensors.Select(tensor => tensor.RelativeRms), Is.Ordered.Descending);
            Assert.That(brief.ToString(), Does.Contain("and 7 more (--all shows them)").And.Not.Contain("embed_tokens"));
            Assert.That(all.ToString(), Does.Contain("model.embed_tokens.weight").And.Contain("equal").And.Not.Contain("more (--all"));
        }
    }

    [Test]
    public void The_JSON_has_what_the_text_has()
    {
        using var folder = new TemporaryFolder();
        var changed = new Checkpoint();
        changed.ChangeCode("model.layers.0.mlp.up_proj", 1, 2, by: 1);
        changed.Values<Half>("model.norm.weight")[0] = Half.NaN;
        using var stream = new MemoryStream();

        PackageDifferenceJson.Write(stream, PackageDiff.Compare(new Checkpoint().WriteTo(folder.At("a")), changed.WriteTo(folder.At("b"))), all: false);

        using var json = JsonDocument.Parse(stream.ToArray());
        var tensors = json.RootElement.GetProperty("tensors");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(json.RootElement.GetProperty("equal").GetBoolean(), Is.False);
            Assert.That(tensors[0].GetProperty("relative_rms").ValueKind, Is.EqualTo(JsonValueKind.Null), "JSON has no NaN");
            Assert.That(tensors[1].GetProperty("differing").GetInt32(), Is.EqualTo(1));
            Assert.That(tensors[1].GetProperty("cause").GetString(), Is.EqualTo("unexplained: A has no build.json; B has no build.json"));
        }
    }
}
