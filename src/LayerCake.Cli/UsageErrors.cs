using System.CommandLine;
using LayerCake.Recipes;

namespace LayerCake.Cli;

/// <summary>What is wrong with a command line, with the nearest known name where one is near.</summary>
internal static class UsageErrors
{
    /// <summary>The parser's messages; after one about a word that is not known comes what was meant.</summary>
    public static IEnumerable<string> Of(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var options = command.Options.SelectMany(option => option.Aliases.Prepend(option.Name)).Where(name => name.StartsWith("--", StringComparison.Ordinal));
        var known = options.Concat(command.Subcommands.Select(subcommand => subcommand.Name)).ToList();
        foreach (var error in parsed.Errors)
        {
            var word = parsed.UnmatchedTokens.FirstOrDefault(token => error.Message.Contains($"'{token}'", StringComparison.Ordinal));
            var near = word is null ? null : NearName.Of(word, known);
            yield return near is null ? error.Message : $"{error.Message.TrimEnd('.')}; did you mean '{near}'?";
        }
    }
}
