using System.Text.RegularExpressions;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary>The table of promises in docs/caching.md: each row names tests that exist, or says why there is none.</summary>
public sealed partial class YardstickTests
{
    private const int Rows = 28;

    [Test]
    public void Every_promise_names_tests_that_exist_or_says_why_there_is_none()
    {
        var rows = File.ReadLines(Path.Combine(RepositoryFiles.Root, "docs", "caching.md"))
            .Select(line => Row().Match(line)).Where(match => match.Success)
            .ToDictionary(match => int.Parse(match.Groups[1].Value), match => match.Groups[2].Value);
        var tests = Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "tests"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => TestMethod().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .ToHashSet(StringComparer.Ordinal);

        Assert.That(rows.Keys, Is.EquivalentTo(Enumerable.Range(1, Rows)));
        using (Assert.EnterMultipleScope())
        {
            foreach (var (number, text) in rows)
            {
                var named = Quoted().Matches(text).Select(match => match.Groups[1].Value).ToList();
                Assert.That(named.Count > 0 || text.StartsWith("None: ", StringComparison.Ordinal), Is.True, $"row {number} names no test");
                Assert.That(named.Where(name => !tests.Contains(name)), Is.Empty, $"row {number} names tests that do not exist");
            }
        }
    }

    [GeneratedRegex(@"^\| (\d+) \| [^|]+ \| (.+) \|$")]
    private static partial Regex Row();

    [GeneratedRegex(@"public (?:async Task|void) ([A-Za-z0-9_]+)\(")]
    private static partial Regex TestMethod();

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)`")]
    private static partial Regex Quoted();
}
