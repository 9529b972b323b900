namespace LayerCake.Recipes.Tests;

internal sealed class KeepTests
{
    [TestCase("keep: [lm_head]", "lm_head")]
    [TestCase("keep: lm_head", "lm_head")]
    [TestCase("keep: [\"layers.0.*.down_proj\", lm_head]", "layers.0.*.down_proj|lm_head")]
    [TestCase("keep: \"layers.0.*.down_proj, lm_head\"", "layers.0.*.down_proj|lm_head")]
    public void A_list_and_a_text_with_commas_say_the_same(string text, string rules) =>
        Assert.That(Parsed(text).Rules, Is.EqualTo(rules.Split('|')));

    [TestCase("keep: []", "12:45: auto_awq.keep is ''; it must be a list of module names such as [lm_head, layers.0.*.down_proj], where * stands for any characters")]
    [TestCase("keep: [a, 4]", "12:45: auto_awq.keep is the number 4; it must be a module name")]
    [TestCase("keep: [[a]]", "12:45: auto_awq.keep has a list among its rules; it must be a list of module names such as [lm_head, layers.0.*.down_proj], where * stands for any characters")]
    [TestCase("keep: [a b]", "12:45: auto_awq.keep is 'a b'; it must be a list of module names such as [lm_head, layers.0.*.down_proj], where * stands for any characters")]
    [TestCase("keep: { a: b }", "12:45: auto_awq.keep is a map; it must be a list of module names such as [lm_head, layers.0.*.down_proj], where * stands for any characters")]
    public void What_is_no_rule_is_refused(string text, string message) =>
        Assert.That(Recipes.Refused(With(text)), Does.StartWith($"demo.yaml:{message}"));

    [TestCase("lm_head", "lm_head", true)]
    [TestCase("layers.0.*.down_proj", "model.layers.0.mlp.down_proj", true)]
    [TestCase("model.layers.0.*", "model.layers.0.mlp.down_proj", true)]
    [TestCase("*.down_proj", "model.layers.0.mlp.down_proj", true)]
    [TestCase("layers.1.*", "model.layers.10.mlp.down_proj", false)]
    [TestCase("layersx0.*", "model.layers.0.mlp.down_proj", false)]
    [TestCase("down_proj", "model.layers.0.mlp.down_proj", false)]
    public void A_rule_matches_whole_names(string rule, string module, bool matches) =>
        Assert.That(KeepRules.Matches(rule, module), Is.EqualTo(matches));

    [Test]
    public void Rounding_to_nearest_needs_no_calibration()
    {
        Assert.That(Recipes.Parse(Recipes.Least + "\nauto_awq: { method: rtn }").Calibrate, Is.Null);
        Assert.That(Recipes.Refused(Recipes.Least + "\nauto_awq: { method: awq }"), Does.Contain("auto_awq needs calibrate, whose samples it reads"));
    }

    private static KeepRules Parsed(string text) => Recipes.Parse(With(text)).AutoAwq!.Keep;

    private static string With(string text) => Recipes.Full.Replace("auto_awq: { bits: 4, group_size: 128 }", $"auto_awq: {{ bits: 4, group_size: 128, {text} }}");
}
