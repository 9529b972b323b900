using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Lite;

/// <summary><c>layercake lite kv_qparams</c> on the statistics of the original.</summary>
public sealed class KvQparamsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public KvQparamsTests() => Directory.CreateDirectory(_folder.At("weights"));

    public void Dispose() => _folder.Dispose();

    // Every way of writing the same thing, LMDeploy's and ours.
    [TestCase("internlm", 1, "{stats}", "weights")]
    [TestCase("internlm", 2, "--work_dir", "{stats}", "--turbomind_dir", "weights", "--kv_sym", "False", "--num_tp", "2")]
    [TestCase("llama-gqa", 1, "--work-dir={stats}", "--turbomind-dir=weights", "--nokv_sym")]
    [TestCase("llama-gqa", 2, "{stats}", "weights", "8", "False", "2")]
    [TestCase("llama-sharded-bf16", 1, "{stats}", "--turbomind_dir=weights", "--kv_sym=false", "--kv-bits", "8")]
    public void Asymmetric_parameters_and_printed_lines_are_those_of_the_original(string golden, int ranks, params string[] arguments)
    {
        var result = Run(golden, arguments).Succeeded();

        Assert.That(result.Output, Is.EqualTo(File.ReadAllText(RepositoryFiles.Golden(golden, $"kv_asym_tp{ranks}.log"))));
        Assert.That(Snapshot.Of(_folder.At("weights")), Is.EqualTo(Snapshot.Of(RepositoryFiles.Golden(golden, $"kv_asym_tp{ranks}"))));
    }

    // The original writes 8 bytes for them, which the engine refuses: here the zero points follow, as zeros.
    [TestCase("--kv_sym")]
    [TestCase("--kv-sym", "True")]
    [TestCase("--kv_sym=1")]
    public void Symmetric_parameters_have_the_scales_of_the_original_in_files_that_the_engine_reads(params string[] arguments)
    {
        var result = Run("internlm", ["{stats}", "weights", .. arguments]).Succeeded();

        Assert.That(result.Output, Is.EqualTo(File.ReadAllText(RepositoryFiles.Golden("internlm", "kv_sym_tp1.log"))));
        for (var layer = 0; layer < 2; layer++)
        {
            var name = $"layers.{layer}.past_kv_scale.0.weight";
            var scales = File.ReadAllBytes(RepositoryFiles.Golden("internlm", "kv_sym_tp1", name));
            Assert.That(File.ReadAllBytes(_folder.At("weights", name)), Is.EqualTo((byte[])[.. scales[..4], 0, 0, 0, 0, .. scales[4..], 0, 0, 0, 0]));
        }
    }

    [TestCase("--num_tp", "3", ExitCode.Input, "model.layers.0 has 2 key heads, which do not divide among 3 ranks; tensor-parallel degrees that do: 1, 2.")]
    [TestCase("--num_tp", "two", ExitCode.Usage, "--num_tp takes a whole number from 1 on, not 'two'.")]
    [TestCase("--num_tp", "0", ExitCode.Usage, "--num_tp takes a whole number from 1 on, not '0'.")]
    [TestCase("--kv_sym", "perhaps", ExitCode.Usage, "--kv_sym takes True or False, not 'perhaps'.")]
    public void A_value_that_cannot_be_is_refused(string flag, string value, ExitCode code, string message)
    {
        Run("internlm", "{stats}", "weights", flag, value).WasRefused(code, message);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.At("weights")), Is.Empty);
    }

    [Test]
    public void Statistics_that_are_not_there_are_told() => LayerCakeCommand.Run(_folder.Path, "lite", "kv_qparams", "nothing", "weights").WasRefused(
        ExitCode.Input, "nothing/key_stats.pth does not exist. Run calibrate first, and give the folder it wrote to.");

    [Test]
    public void A_parameter_given_twice_missing_or_one_too_many_is_told()
    {
        using (Assert.EnterMultipleScope())
        {
            Run("internlm", "somewhere", "--work_dir", "{stats}", "--turbomind_dir", "weights").WasRefused(
                ExitCode.Usage, "'work_dir' is given twice: as --work_dir and as argument 1 ('somewhere').");
            Run("internlm", "{stats}").WasRefused(
                ExitCode.Usage, "'turbomind_dir' is missing: give it as --turbomind_dir VALUE or as argument 2. --help lists all parameters.");
            Run("internlm", "{stats}", "weights", "8", "False", "1", "more").WasRefused(
                ExitCode.Usage, "'more' is one argument too many; kv_qparams takes at most 5. --help lists them.");
            Run("internlm", "{stats}", "weights", "--kv_symm", "True").WasRefusedWith(
                ExitCode.Usage, Is.EqualTo("layercake: Unrecognized option '--kv_symm'; did you mean '--kv_sym'?\n'layercake lite kv_qparams --help' shows what can be written.\n"));
            Run("internlm", "{stats}", "weights", "-v").WasRefusedWith(
                ExitCode.Usage, Is.EqualTo("layercake: Unrecognized option '-v'.\n'layercake lite kv_qparams --help' shows what can be written.\n"));
            Assert.That(Directory.EnumerateFileSystemEntries(_folder.At("weights")), Is.Empty);
        }
    }

    private CommandResult Run(string golden, params string[] arguments) => LayerCakeCommand.Run(
        _folder.Path,
        ["lite", "kv_qparams", .. arguments.Select(argument => argument.Replace("{stats}", RepositoryFiles.Golden(golden, "work_dir")))]);
}
