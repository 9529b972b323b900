using System.Text.RegularExpressions;
using CsCheck;

namespace LayerCake.Recipes.Tests;

internal sealed class ValueTests
{
    [TestCase("8 GiB", 8L << 30)]
    [TestCase("8GiB", 8L << 30)]
    [TestCase("1500 MB", 1_500_000_000L)]
    [TestCase("999999 TiB", 999999L << 40)]
    public void A_size_is_a_number_and_a_unit(string text, long bytes)
    {
        Assert.That(ByteCount.TryParse(text, out var count), Is.True);
        Assert.That(count.Bytes, Is.EqualTo(bytes));
        Assert.That(ByteCount.TryParse(count.ToString(), out var again) ? again : default, Is.EqualTo(count));
    }

    [TestCase("8")]
    [TestCase("8 gib")]
    [TestCase("1.5 GiB")]
    [TestCase("0 GiB")]
    [TestCase("08 GiB")]
    [TestCase("8  GiB")]
    [TestCase("-8 GiB")]
    [TestCase("9999999 MB")]
    [TestCase("")]
    public void Anything_else_is_no_size(string text) => Assert.That(ByteCount.TryParse(text, out _), Is.False);

    [TestCase("25%", 0.25, "25%")]
    [TestCase("2.50 %", 0.025, "2.5%")]
    [TestCase("0%", 0, "0%")]
    [TestCase("1000.125%", 10.00125, "1000.125%")]
    public void A_share_is_a_number_and_a_percent_sign(string text, double share, string shortest)
    {
        Assert.That(Percentage.TryParse(text, out var percentage), Is.True);
        Assert.That((percentage.Share, percentage.ToString()), Is.EqualTo((share, shortest)));
    }

    [TestCase("25")]
    [TestCase("-1%")]
    [TestCase("025%")]
    [TestCase(".5%")]
    [TestCase("1.%")]
    [TestCase("1.2345%")]
    [TestCase("10000%")]
    [TestCase("25  %")]
    [TestCase("%")]
    public void Anything_else_is_no_share(string text) => Assert.That(Percentage.TryParse(text, out _), Is.False);

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(-2)]
    public void A_tensor_parallel_degree_is_a_power_of_two(int degree) =>
        Assert.That(() => new TensorParallel(degree), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [TestCase("hf:a/b", null, false)]
    [TestCase("hf:a/b@main", "main", false)]
    [TestCase("hf:a/b@refs/pr/1", "refs/pr/1", false)]
    [TestCase("hf:a/b@0123456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef01234567", true)]
    public void A_hub_source_has_a_repository_and_perhaps_a_revision(string text, string? revision, bool pinned)
    {
        Assert.That(RecipeTexts.ParseSource(text, out var source, out _), Is.True);

        var hub = (HubSource)source!;
        Assert.That((hub.Repository, hub.Revision, hub.IsPinned, hub.Text), Is.EqualTo(("a/b", revision, pinned, text)));
    }

    [Test]
    public void Session_lengths_are_those_of_the_templates_and_eight() =>
        Assert.That(
            (ChatTemplates.SessionLength("internlm-chat-7b"), ChatTemplates.SessionLength("llama2"), ChatTemplates.SessionLength("qwen-7b"), ChatTemplates.Names.Count),
            Is.EqualTo((2056, 4104, 8200, 21)));

    [Test]
    public void Each_text_rule_says_the_same_as_the_patterns_of_the_schema()
    {
        // Pieces rather than letters, so that every rule is met and missed often.
        var text = AnyOf.These(
            "hf:", "a", "B7", "/", "@", ":", "..", ".", ".txt", ".jsonl", "ptb", "~", " ", "\\", "-", "_", "bin", "Package", "https://", "C:", "é", "8", "0", " GiB", "MB", " h", "min", "\t", "%", "12")
            .Array[0, 5].Select(string.Concat);

        text.Sample(
            value =>
            {
                foreach (var (field, patterns) in new (RecipeField Field, IReadOnlyList<string> Patterns)[]
                {
                    (TopFields.Name, TopFields.Name.Patterns), (ModelFields.Source, ModelFields.Source.Patterns),
                    (CalibrateFields.Dataset, CalibrateFields.Dataset.Patterns), (ExecutionFields.MemoryBudget, ExecutionFields.MemoryBudget.Patterns),
                    (ExecutionFields.Timeout, ExecutionFields.Timeout.Patterns),
                    (EvaluateFields.Dataset, EvaluateFields.Dataset.Patterns), (EvaluateFields.MaxPerplexityIncrease, EvaluateFields.MaxPerplexityIncrease.Patterns),
                })
                {
                    var read = field.TryRead(new ScalarNode(default, value, ScalarStyle.Quoted), out object? _, out _);
                    var matched = patterns.All(pattern => Regex.IsMatch(value, pattern, RegexOptions.ECMAScript));
                    Assert.That(read, Is.EqualTo(matched), $"{field.Path}: '{value}'");
                }
            },
            iter: 5000);
    }
}
