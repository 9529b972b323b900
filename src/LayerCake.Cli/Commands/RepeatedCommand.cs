using System.CommandLine;
using System.CommandLine.Parsing;

namespace LayerCake.Cli.Commands;

/// <summary>The command line that runs one step of a build again, alone, as a shell takes it.</summary>
internal static class RepeatedCommand
{
    // What says which step of what is meant; not how a whole build is run.
    private static readonly string[] s_passedOn = ["--recipe", "--set", "--device", "--artifacts", "--cache", "--cache-mode", "--sign-key", "--stub"];

    /// <param name="result">The build's command line.</param>
    /// <param name="step">The step.</param>
    /// <param name="variant">The variant of a recipe with a matrix; null without one.</param>
    public static string Of(ParseResult result, string step, string? variant)
    {
        var words = new List<string> { "layercake", "step", step };
        foreach (var option in result.CommandResult.Children.OfType<OptionResult>())
        {
            if (!option.Implicit && s_passedOn.Contains(option.Option.Name))
            {
                words.AddRange(option.Tokens.Count == 0 ? [option.Option.Name] : option.Tokens.SelectMany(token => new[] { option.Option.Name, Quoted(token.Value) }));
            }
        }

        if (variant is not null)
        {
            words.AddRange(["--variant", variant]);
        }

        return string.Join(' ', words);
    }

    private static string Quoted(string word) => word.Length > 0 && word.All(c => char.IsLetterOrDigit(c) || c is '.' or '_' or '-' or '/' or '=' or ':' or ',' or '@' or '+')
        ? word
        : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
