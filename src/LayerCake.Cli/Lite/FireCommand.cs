using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using LayerCake.Recipes;

namespace LayerCake.Cli.Lite;

/// <summary>A command with LMDeploy's parameters, in the original's positional order.</summary>
internal abstract class FireCommand
{
    private readonly Argument<string[]> _positionals = new("parameters")
    {
        Arity = ArgumentArity.ZeroOrMore,
        Description = "The parameters below may also be given by position, in this order.",
    };

    protected abstract string Name { get; }

    protected abstract string Description { get; }

    protected abstract IReadOnlyList<FireParameter> Signature { get; }

    /// <summary>Further parameters of the original, which it takes by name only.</summary>
    protected virtual IReadOnlyList<FireParameter> Keywords => [];

    /// <summary>Options of LayerCake's own, beyond the original's.</summary>
    protected virtual IReadOnlyList<Option> Extensions => [];

    public Command Build()
    {
        var command = new Command(Name, Description);
        if (Name.Contains('_', StringComparison.Ordinal))
        {
            command.Aliases.Add(Name.Replace('_', '-'));
        }

        _positionals.Validators.Add(RefuseUnknownOptions);
        command.Arguments.Add(_positionals);
        foreach (var parameter in Signature.Concat(Keywords))
        {
            command.Options.Add(parameter.Option);
            if (parameter.Negation is not null)
            {
                command.Options.Add(parameter.Negation);
            }
        }

        foreach (var extension in Extensions)
        {
            command.Options.Add(extension);
        }

        command.SetAction(async (result, cancellationToken) =>
        {
            var given = result.GetValue(_positionals) ?? [];
            if (given.Length > Signature.Count)
            {
                throw new UsageException($"'{given[Signature.Count]}' is one argument too many; {Name} takes at most {Signature.Count}. --help lists them.");
            }

            return (int)await RunAsync(result, cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    /// <summary>An option that is not known would count as a value by position.</summary>
    private void RefuseUnknownOptions(ArgumentResult result)
    {
        foreach (var token in result.Tokens)
        {
            var text = token.Value;
            if (text.Length > 1 && text[0] == '-' && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            {
                var name = text.Split('=')[0];
                var known = Signature.Concat(Keywords).Select(parameter => parameter.Name).Concat(Extensions.Select(option => option.Name.TrimStart('-')));
                var near = NearName.Of(name.TrimStart('-'), known);
                result.AddError(near is null ? $"Unrecognized option '{name}'." : $"Unrecognized option '{name}'; did you mean '--{near}'?");
            }
        }
    }

    protected abstract Task<ExitCode> RunAsync(ParseResult result, CancellationToken cancellationToken);

    protected string? Text(ParseResult result, FireParameter parameter) => parameter.Text(result, Signature, _positionals);

    protected string Required(ParseResult result, FireParameter parameter) => Text(result, parameter)!;

    protected int Integer(ParseResult result, FireParameter parameter, int minimum) =>
        FireParameter.ParseInteger(parameter.Name, Required(result, parameter), minimum);

    protected bool Switch(ParseResult result, FireParameter parameter) =>
        FireParameter.ParseBoolean(parameter.Name, Required(result, parameter));
}
