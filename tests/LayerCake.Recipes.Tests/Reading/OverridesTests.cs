namespace LayerCake.Recipes.Tests;

internal sealed class OverridesTests
{
    [Test]
    public void A_value_replaces_the_one_in_the_file() =>
        Assert.That(Recipes.Parse(Recipes.Full, "calibrate.samples=16").Calibrate!.Samples, Is.EqualTo(16));

    [Test]
    public void A_later_one_wins() =>
        Assert.That(Recipes.Parse(Recipes.Full, "calibrate.samples=16", "calibrate.samples=8").Calibrate!.Samples, Is.EqualTo(8));

    [Test]
    public void Several_apply_together()
    {
        var recipe = Recipes.Parse(Recipes.Full, "name=other", "engine=lmdeploy 0.2.6", "convert.tensor_parallel=2", "kv_qparams.symmetric=true");

        Assert.That(
            (recipe.Name, recipe.Engine.Name, recipe.Convert.TensorParallel.Degree, recipe.KvQparams!.Symmetric),
            Is.EqualTo(("other", "lmdeploy 0.2.6", 2, true)));
    }

    [Test]
    public void A_value_brings_its_section_along() =>
        Assert.That(
            Recipes.Parse(Recipes.Full.Replace("auto_awq: { bits: 4, group_size: 128 }\n", ""), "auto_awq.format=bin").AutoAwq,
            Is.EqualTo(new AutoAwqOptions { Format = CheckpointFormat.Bin }));

    [Test]
    public void A_section_is_added_with_braces() =>
        Assert.That(
            Recipes.Parse(Recipes.Least, "calibrate={ dataset: a.txt, samples: 2 }", "auto_awq={}").Calibrate,
            Is.EqualTo(new CalibrateOptions { Dataset = new CalibrationFile("a.txt", IsJsonLines: false), Samples = 2 }));

    [Test]
    public void Null_leaves_a_section_out() => Assert.That(Recipes.Parse(Recipes.Full, "auto_awq=null").AutoAwq, Is.Null);

    [Test]
    public void Null_gives_a_value_its_default_again() =>
        Assert.That(Recipes.Parse(Recipes.Full, "calibrate.samples=null").Calibrate!.Samples, Is.EqualTo(128));

    [Test]
    public void A_section_without_a_value_is_filled_by_an_argument() =>
        Assert.That(
            Recipes.Parse(Recipes.Full.Replace("package: {}", "package:"), "package.launch_files=false").Package.LaunchFiles, Is.False);

    [Test]
    public void A_text_needs_no_quotes_beside_those_of_the_shell() =>
        Assert.That(Recipes.Parse(Recipes.Full, "name=123", "model.source=a: b").Model.Source.Text, Is.EqualTo("a: b"));

    [Test]
    public void An_overridden_fault_of_the_file_is_gone() =>
        Assert.That(Recipes.Parse(Recipes.Full.Replace("samples: 64", "samples: many"), "calibrate.samples=16").Calibrate!.Samples, Is.EqualTo(16));

    [TestCase("calibrate.sample=16", "unknown key 'calibrate.sample'; did you mean 'calibrate.samples'?")]
    [TestCase("samples=16", "unknown key 'samples'; did you mean 'calibrate.samples'?")]
    [TestCase("Auto-AWQ.Bits=4", "unknown key 'Auto-AWQ.Bits'; did you mean 'auto_awq.bits'?")]
    [TestCase("autoawq=null", "unknown key 'autoawq'; did you mean 'auto_awq'?")]
    [TestCase("calibrate.samples=x", "calibrate.samples is the text 'x'; it must be a whole number from 1 to 100000")]
    [TestCase("calibrate.samples=0", "calibrate.samples is 0; it must be a whole number from 1 to 100000")]
    [TestCase("calibrate.samples=", "calibrate.samples has no value; it must be a whole number from 1 to 100000, or null to leave it out")]
    [TestCase("calibrate.samples=~", "calibrate.samples has no value; it must be a whole number from 1 to 100000, or leave the line out")]
    [TestCase("kv_qparams.symmetric=yes", "kv_qparams.symmetric is the text 'yes'; it must be true or false: write true")]
    [TestCase("calibrate.samples", "write KEY=VALUE, such as calibrate.samples=16")]
    [TestCase("=16", "write KEY=VALUE, such as calibrate.samples=16")]
    [TestCase("auto_awq=4", "auto_awq is a section; write auto_awq.bits=VALUE, auto_awq={} for its defaults, or auto_awq=null to leave it out")]
    [TestCase("auto_awq={bits: 8}", "auto_awq.bits is 8; it must be 4: AWQ checkpoints and the engine's kernels hold 4-bit weights only")]
    [TestCase("auto_awq={bit: 4}", "unknown key 'bit' in auto_awq; did you mean 'bits'?")]
    [TestCase("auto_awq={bits: 4", "this is not YAML: While parsing a flow mapping, did not find expected ',' or '}'; check the indentation, and quote a text that holds ': '")]
    [TestCase("convert.weight_type=bfloat16", "convert.weight_type bfloat16 contradicts auto_awq, whose weights are int4; write auto, or remove auto_awq")]
    public void A_wrong_argument_is_named_in_its_fault(string argument, string message) =>
        Assert.That(Recipes.Refused(Recipes.Full, argument), Is.EqualTo($"--set {argument}: {message}"));

    [Test]
    public void An_unknown_key_without_a_near_one_lists_all() =>
        Assert.That(Recipes.Refused(Recipes.Full, "frobnicate=1"), Does.StartWith("--set frobnicate=1: unknown key 'frobnicate'; known are name, engine, model.name, "));

    [Test]
    public void Leaving_out_what_another_step_needs_is_told_where_that_step_stands() =>
        Assert.That(Recipes.Refused(Recipes.Full, "calibrate=null").Split('\n'), Has.All.Match("^demo.yaml:1[12]:1: (kv_qparams|auto_awq) needs calibrate"));

    [Test]
    public void Arguments_are_checked_beside_a_file_that_cannot_be_read() =>
        Assert.That(Recipes.Refused("- a", "calibrate.sample=16"), Is.EqualTo("""
            demo.yaml:1:1: the recipe is a list; it must be a map with the keys name, model, calibrate…
            --set calibrate.sample=16: unknown key 'calibrate.sample'; did you mean 'calibrate.samples'?
            """));
}
