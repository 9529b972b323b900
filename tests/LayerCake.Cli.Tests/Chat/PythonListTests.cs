using LayerCake.Cli.Chat;

namespace LayerCake.Cli.Tests.Chat;

public sealed class PythonListTests
{
    [TestCase("<eoa>", "<eoa>")]
    [TestCase(" a b ", " a b ")]
    [TestCase("[", "[")]
    [TestCase("['<eoa>', \"</s>\"]", "<eoa>", "</s>")]
    [TestCase("[<eoa>, a b ,]", "<eoa>", "a b")]
    [TestCase("('a','b')", "a", "b")]
    [TestCase(@"['\n\n', '\x41\u4e66\U0001F999', 'it\'s', ']']", "\n\n", "A书🦙", "it's", "]")]
    [TestCase("[]")]
    public void A_list_of_texts_is_read_as_python_fire_reads_it(string text, params string[] expected) =>
        Assert.That(PythonList.Parse("stop_words", text), Is.EqualTo(expected));

    [TestCase("['a'")]
    [TestCase("['a]")]
    [TestCase("['a' 'b']")]
    [TestCase(@"['\q']")]
    [TestCase(@"['\u12']")]
    [TestCase(@"['\ud800']")]
    [TestCase(@"['\")]
    [TestCase(@"['\']")]
    public void A_broken_list_is_refused(string text) =>
        Assert.That(() => PythonList.Parse("stop_words", text), Throws.TypeOf<UsageException>().With.Message.Contains("--stop_words"));
}
