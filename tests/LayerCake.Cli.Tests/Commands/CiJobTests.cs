using System.Text.RegularExpressions;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary>The CI jobs say only what the command and the Cake script take.</summary>
public sealed partial class CiJobTests
{
    private static readonly string[] Jobs = [".github/workflows/quantize.yml", ".gitlab-ci.yml", "docs/ci.md"];

    [TestCaseSource(nameof(Jobs))]
    public void Every_option_of_a_job_is_one_that_exists(string file)
    {
        var text = Read(file);
        var cake = Read("build/arguments.cake");
        var used = 0;
        using (Assert.EnterMultipleScope())
        {
            foreach (Match line in CommandLine().Matches(text))
            {
                var isCake = line.Value.Contains("cake --recipe", StringComparison.Ordinal);
                var help = isCake ? "" : LayerCakeCommand.Run(".", line.Groups["verb"].Value.Trim().Split(' ').Append("--help").ToArray()).Succeeded().Output;
                foreach (Match option in OptionName().Matches(line.Value))
                {
                    var known = isCake ? cake.Contains($"\"{option.Groups[1].Value}\"", StringComparison.Ordinal) : help.Contains(option.Value, StringComparison.Ordinal);
                    Assert.That(known, Is.True, $"{file}: {line.Value}: {option.Value}");
                    used++;
                }
            }
        }

        Assert.That(used, Is.GreaterThan(0));
    }

    [TestCaseSource(nameof(Jobs))]
    public void Every_variable_of_a_job_is_one_that_the_command_line_page_has(string file)
    {
        var page = Read("docs/command-line.md");
        var names = Variable().Matches(Read(file)).Select(match => match.Value).Where(name => name != "LAYERCAKE_PUBLIC_KEY").Distinct().ToList();

        Assert.That(names, Is.Not.Empty);
        Assert.That(names.Where(name => !page.Contains($"`{name}`", StringComparison.Ordinal)), Is.Empty);
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine([RepositoryFiles.Root, .. file.Split('/')]));

    [GeneratedRegex(@"(?:dotnet cake --recipe|layercake (?<verb>(?:cache )?[a-z]+)) ?[^\n`|]*")]
    private static partial Regex CommandLine();

    [GeneratedRegex("(?<![A-Za-z-])--([a-z][a-z-]+)")]
    private static partial Regex OptionName();

    [GeneratedRegex("LAYERCAKE_[A-Z_]+[A-Z]")]
    private static partial Regex Variable();
}
