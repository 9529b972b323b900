using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace LayerCake.Cli.Lite;

/// <summary>
/// One parameter of a command that LMDeploy v0.1.0 offers through python-fire: usable as <c>--w_bits 4</c>, <c>--w-bits=4</c>
/// or by position, with Python's spelling of booleans and None.
/// </summary>
internal sealed class FireParameter
{
    public FireParameter(string name, string description, string? defaultValue = null, bool required = false, bool isSwitch = false)
    {
        Name = name;
        Required = required;
        Default = defaultValue;
        IsSwitch = isSwitch;
        Option = new Option<string?>("--" + name)
        {
            Description = description + (defaultValue is null ? "" : $" [default: {defaultValue}]"),
            Arity = isSwitch ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            HelpName = isSwitch ? "True|False" : name.ToUpperInvariant(),
        };
        if (name.Contains('_', StringComparison.Ordinal))
        {
            Option.Aliases.Add("--" + name.Replace('_', '-'));
        }

        if (isSwitch)
        {
            Negation = new Option<bool>("--no" + name) { Description = $"The same as --{name} False", Hidden = true };
        }
    }

    public string Name { get; }

    public bool Required { get; }

    public string? Default { get; }

    public bool IsSwitch { get; }

    public Option<string?> Option { get; }

    public Option<bool>? Negation { get; }

    /// <summary>The value as given, by name or by position; the default where it is not given; null for Python's None.</summary>
    public string? Text(ParseResult result, IReadOnlyList<FireParameter> signature, Argument<string[]> positionals)
    {
        var values = result.GetValue(positionals) ?? [];
        var position = signature.ToList().IndexOf(this);
        var named = result.GetResult(Option) is { Implicit: false } found ? found : null;
        if (Negation is not null && result.GetValue(Negation))
        {
            return "False";
        }

        var placed = position >= 0 && position < values.Length;
        if (named is not null && placed)
        {
            throw new UsageException($"'{Name}' is given twice: as --{Name} and as argument {position + 1} ('{values[position]}').");
        }

        var text = named is not null ? ValueOf(named) : placed ? values[position] : Default;
        if (text is null or "None")
        {
            return Required
                ? throw new UsageException($"'{Name}' is missing: give it as --{Name} VALUE or as argument {position + 1}. --help lists all parameters.")
                : null;
        }

        return text;
    }

    public static int ParseInteger(string name, string text, int minimum)
    {
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) || value < minimum)
        {
            throw new UsageException($"--{name} takes a whole number from {minimum} on, not '{text}'.");
        }

        return value;
    }

    /// <summary>True and False in any case. LMDeploy takes a lower-case 'false' for true; that is not kept.</summary>
    public static bool ParseBoolean(string name, string text) => text.ToUpperInvariant() switch
    {
        "TRUE" or "1" => true,
        "FALSE" or "0" => false,
        _ => throw new UsageException($"--{name} takes True or False, not '{text}'."),
    };

    private string? ValueOf(OptionResult result) => result.Tokens.Count switch
    {
        0 => IsSwitch ? "True" : null,
        _ => result.Tokens[^1].Value,
    };
}
