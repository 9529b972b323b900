using LayerCake.Testing;
using LayerCake.Text;

namespace LayerCake.Evaluation.Tests;

internal sealed class EvaluationWindowsTests
{
    private static readonly TokenizerFolder s_tokenizer = TokenizerFolder.Open(RepositoryFiles.DemoModel);

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Windows_lie_next_to_each_other_with_BOS_in_front_and_the_rest_is_left_out()
    {
        var text = Write("text.txt", "Once upon a time there was a little fox.\n\n\nIt lived   in a wood, and\nwas happy there.\n");
        var ids = s_tokenizer.Tokenizer.Encode(File.ReadAllText(text));

        var windows = EvaluationWindows.Load(text, s_tokenizer, 8, limit: null);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(windows.Ids, Has.Count.EqualTo(ids.Length / 7));
            Assert.That(windows.Ids.Select(window => window[0]), Is.All.EqualTo(s_tokenizer.BosId));
            Assert.That(windows.Ids.SelectMany(window => window[1..]), Is.EqualTo(ids.Take(ids.Length / 7 * 7)), "the text as it stands, line ends too");
            Assert.That(windows.TokenCount, Is.EqualTo(7L * windows.Ids.Count));
            Assert.That(EvaluationProtocol.Of(windows), Has.Property("Stride").EqualTo(7).And.Property("Bos").EqualTo("first token of every window"));
        }
    }

    [Test]
    public void A_limit_takes_windows_from_the_beginning()
    {
        var text = Write("text.txt", string.Concat(Enumerable.Repeat("The quick brown fox jumps over the lazy dog. ", 40)));

        var all = EvaluationWindows.Load(text, s_tokenizer, 16, limit: null);
        var two = EvaluationWindows.Load(text, s_tokenizer, 16, limit: 2);

        Assert.That(two.Ids, Is.EqualTo(all.Ids.Take(2)));
        Assert.That((two.Available, two.DatasetSha256), Is.EqualTo((all.Ids.Count, all.DatasetSha256)));
        Assert.That(two.IdsSha256, Is.Not.EqualTo(all.IdsSha256));
    }

    [Test]
    public void A_text_shorter_than_a_window_is_refused_with_the_length_that_would_do()
    {
        var text = Write("short.txt", "Once upon a time.");
        var count = s_tokenizer.Tokenizer.Encode("Once upon a time.").Length;

        Assert.That(
            () => EvaluationWindows.Load(text, s_tokenizer, 512, limit: null),
            Throws.TypeOf<EvaluationException>().With.Message.EqualTo(
                $"{text}: the text has {count} tokens, and one window of 512 needs 511. Use a longer text, or a window of at most {count + 1}."));
        Assert.That(EvaluationWindows.Load(text, s_tokenizer, count + 1, limit: null).Ids, Has.Count.EqualTo(1));
    }

    [TestCase("empty.txt", new byte[0], "the calibration set holds no text")]
    [TestCase("blank.txt", new byte[] { 32, 10, 32 }, "the calibration set holds no text")]
    [TestCase("latin.txt", new byte[] { 65, 66, 0xE9, 67 }, "not UTF-8 at byte 2 (line 1, value 0xE9)")]
    [TestCase("rows.jsonl", new byte[] { 123, 125 }, "the object has no \"text\" field")]
    public void A_file_without_usable_text_is_refused(string name, byte[] content, string message)
    {
        File.WriteAllBytes(_folder.At(name), content);

        Assert.That(() => EvaluationWindows.Load(_folder.At(name), s_tokenizer, 8, limit: null), Throws.TypeOf<CalibrationDataException>().With.Message.Contains(message));
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder.At(name), text);
        return _folder.At(name);
    }
}
