using LayerCake.Testing;

namespace LayerCake.Cli.Tests.BadInput;

/// <summary>Texts that a model cannot be calibrated on.</summary>
public sealed class CalibrationTextTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static IEnumerable<TestCaseData> Texts()
    {
        yield return new TestCaseData(
            "short.txt",
            "One short paragraph.\n"u8.ToArray(),
            "{file}: The calibration set is too short: it has 8 tokens, and one sample needs 16. Use a longer text, or a sequence length of at most 8.");
        yield return new TestCaseData(
            "empty.txt", Array.Empty<byte>(), "{file}: the calibration set holds no text (the file is empty). Give it at least one paragraph.");
        yield return new TestCaseData(
            "latin1.txt", new byte[] { (byte)'c', (byte)'a', (byte)'f', 0xE9, (byte)'\n' }, "{file}: not UTF-8 at byte 3 (line 1, value 0xE9). Save it as UTF-8.");
        yield return new TestCaseData(
            "lines.jsonl",
            "{\"text\": \"one\"}\n{\"txt\": \"two\"}\n"u8.ToArray(),
            "{file}:2: the object has no \"text\" field. Write {\"text\": \"...\"} on every line.");
    }

    [TestCaseSource(nameof(Texts))]
    public void A_text_that_cannot_be_used_is_refused_and_earlier_statistics_stay(string name, byte[] content, string message)
    {
        File.WriteAllBytes(_folder.At(name), content);
        File.WriteAllText(_folder.At("recipe.yaml"), SmallRecipe.Text(RepositoryFiles.DemoModel, name));
        Models.CopyFolder(RepositoryFiles.Golden("internlm", "work_dir"), _folder.At("work"));
        var before = Snapshot.Of(_folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Run("lite", "calibrate", RepositoryFiles.DemoModel, name, "1", "16", "work").WasRefused(ExitCode.Input, message.Replace("{file}", name));
            Assert.That(Snapshot.Of(_folder.Path), Is.EqualTo(before));
            Run("build", "--recipe", "recipe.yaml").WasRefused(ExitCode.Input, message.Replace("{file}", _folder.At(name)));
            Assert.That(Directory.Exists(_folder.At("artifacts", "small")), Is.False);
            Assert.That(Directory.EnumerateFileSystemEntries(_folder.At("artifacts", ".cache", "tmp")), Is.Empty);
        }
    }

    [Test]
    public void A_text_that_is_not_there_is_refused() =>
        Run("lite", "calibrate", RepositoryFiles.DemoModel, "nothing.txt").WasRefused(
            ExitCode.Input, "nothing.txt: there is no such calibration set. Name a .txt or .jsonl file that exists.");

    [TestCase("ptb")]
    [TestCase("c4")]
    public void A_data_set_that_would_have_to_be_fetched_is_refused(string name) =>
        Run("lite", "calibrate", RepositoryFiles.DemoModel, name).WasRefused(
            ExitCode.Usage,
            $"--calib_dataset {name}: data sets are not fetched. Save its text as a .txt file, or as a .jsonl file with a text field a line, and give that file.");

    private CommandResult Run(params string[] arguments) => LayerCakeCommand.Run(_folder.Path, arguments);
}
