using System.Text.RegularExpressions;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary><c>--help</c> and the page about the command line say the same.</summary>
public sealed partial class HelpTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(RepositoryFiles.Root, "docs", "command-line.md"));

    [TestCase("", "plan build step replay lock inspect verify sign tokenize synth diff cache report evaluate lite convert chat")]
    [TestCase("plan", "")]
    [TestCase("build", "")]
    [TestCase("step", "")]
    [TestCase("replay", "")]
    [TestCase("lock", "")]
    [TestCase("inspect", "")]
    [TestCase("verify", "")]
    [TestCase("sign", "")]
    [TestCase("tokenize", "")]
    [TestCase("synth", "")]
    [TestCase("diff", "")]
    [TestCase("cache", "ls gc verify export import")]
    [TestCase("cache ls", "")]
    [TestCase("cache gc", "")]
    [TestCase("cache verify", "")]
    [TestCase("cache export", "")]
    [TestCase("cache import", "")]
    [TestCase("report", "")]
    [TestCase("evaluate", "")]
    [TestCase("lite", "calibrate kv_qparams auto_awq")]
    [TestCase("lite calibrate", "")]
    [TestCase("lite kv_qparams", "")]
    [TestCase("lite auto-awq", "")]
    [TestCase("convert", "")]
    [TestCase("chat", "turbomind")]
    [TestCase("chat turbomind", "")]
    public void Help_is_plain_text_and_the_page_has_all_of_it(string command, string subcommands)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        var help = LayerCakeCommand.Run(RepositoryFiles.Root, [.. words, "--help"]).Succeeded().Output;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(help, Does.StartWith("Description:\n").And.Not.Contain("\u001b"));
            Assert.That(help.Split('\n').Where(line => Regex.Count(line, Regex.Escape("[default:")) > 1), Is.Empty, "a default is told once");
            Assert.That(
                CommandLine().Matches(help.Contains("\nCommands:\n") ? help[help.IndexOf("\nCommands:\n", StringComparison.Ordinal)..] : "")
                    .Select(match => match.Groups["name"].Value.Replace('-', '_')),
                Is.EqualTo(subcommands.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
            var section = SectionOf(command.Replace('-', '_'));
            foreach (var option in OptionName().Matches(help).Select(match => match.Value).Distinct().Where(name => name is not ("--help" or "--version")))
            {
                Assert.That(section, Does.Contain($"`{option}").Or.Contain($"`{option.Replace('-', '_').Replace("__", "--")}"), $"docs/command-line.md has {option}");
            }

            foreach (Match match in Default().Matches(help))
            {
                Assert.That(section, Does.Contain($"`{match.Groups["value"].Value}`"), "docs/command-line.md has the default");
            }
        }
    }

    [Test]
    public void The_version_is_one_line()
    {
        var result = LayerCakeCommand.Run(RepositoryFiles.Root, "--version").Succeeded();

        Assert.That(result.Output, Does.Match(@"^\d+\.\d+\.\d+\S*\n$"));
    }

    [TestCase("did you mean '--recipe'?", "plan", "--recip", "x")]
    [TestCase("did you mean '--json'?", "inspect", ".", "--jsn")]
    [TestCase("did you mean 'build'?", "buidl")]
    [TestCase("did you mean 'kv_qparams'?", "lite", "kv_qparam")]
    public void A_mistyped_word_brings_the_nearest_known_one(string suggestion, params string[] arguments) =>
        LayerCakeCommand.Run(RepositoryFiles.Root, arguments).WasRefusedWith(ExitCode.Usage, Does.Contain(suggestion));

    [TestCase("'--recipe' is required", "plan")]
    [TestCase("--recip", "plan", "--recip", "x")]
    [TestCase("Required", "inspect")]
    [TestCase("--jsn", "inspect", ".", "--jsn")]
    [TestCase("frobnicate", "frobnicate")]
    public void A_wrong_command_line_is_told_with_where_to_look(string message, params string[] arguments) =>
        LayerCakeCommand.Run(RepositoryFiles.Root, arguments).WasRefusedWith(
            ExitCode.Usage,
            Does.StartWith("layercake: ").And.Contain(message).And.Match("'layercake( plan| inspect)? --help' shows what can be written.\n$"));

    [Test]
    public void The_page_has_all_exit_codes()
    {
        var listed = CodeRow().Matches(Page).Select(match => (int.Parse(match.Groups["code"].Value), match.Groups["name"].Value));

        Assert.That(listed, Is.EqualTo(Enum.GetValues<ExitCode>().Select(code => ((int)code, code.ToString()))));
    }

    [TestCase("LAYERCAKE_ARTIFACTS")]
    [TestCase("LAYERCAKE_LIBTORCH")]
    [TestCase("NO_COLOR")]
    [TestCase("CI")]
    public void The_page_has_the_environment_variables(string name) => Assert.That(Page, Does.Contain($"| `{name}` |"));

    /// <summary>What stands under a command's heading, up to the next one.</summary>
    private static string SectionOf(string command)
    {
        var heading = command.Length == 0 ? "# Command line\n" : $"## layercake {command}\n";
        var start = Page.IndexOf(heading, StringComparison.Ordinal);
        Assert.That(start, Is.Not.Negative, $"docs/command-line.md has the heading '{heading.TrimEnd()}'");
        var end = Page.IndexOf("\n## ", start + heading.Length, StringComparison.Ordinal);
        return Page[start..(end < 0 ? Page.Length : end)];
    }

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z_-]*")]
    private static partial Regex OptionName();

    [GeneratedRegex(@"\[default: (?<value>[^\]]+)\]")]
    private static partial Regex Default();

    // "  kv-qparams, kv_qparams <parameters>  Computes ...": the name itself is the last one before the blank.
    [GeneratedRegex(@"^  (?:[\w-]+, )?(?<name>[a-z][\w-]*)(?: <[^>]+>)*  +\S", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"^\| (?<code>\d+) \| (?<name>\w+) \|", RegexOptions.Multiline)]
    private static partial Regex CodeRow();
}
