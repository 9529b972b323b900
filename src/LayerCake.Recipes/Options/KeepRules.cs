using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace LayerCake.Recipes;

/// <summary>Rules for linears that shall stay 16-bit: module names with <c>*</c> for any characters, <c>layers.0.*.down_proj</c>.</summary>
public sealed partial record KeepRules
{
    internal const int MostRules = 64;

    internal const string RulePattern = "[A-Za-z0-9_.*]{1,200}";

    private KeepRules(string text) => Text = text;

    /// <summary>What every int4 workspace keeps.</summary>
    public static KeepRules Head { get; } = new("lm_head");

    /// <summary>The rules, joined with a comma and a space.</summary>
    public string Text { get; }

    /// <summary>Rule by rule.</summary>
    public IReadOnlyList<string> Rules => Text.Split(", ");

    /// <summary>Whether <paramref name="rule"/> matches a module's name, with or without the <c>model.</c> before it.</summary>
    public static bool Matches(string rule, string module)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(module);
        // As names of files are matched: * is all that a rule can hold of what has a meaning there. A regular expression would have to be built at every start.
        return FileSystemName.MatchesSimpleExpression(rule, module, ignoreCase: false)
            || (module.StartsWith("model.", StringComparison.Ordinal) && FileSystemName.MatchesSimpleExpression(rule, module.AsSpan("model.".Length), ignoreCase: false));
    }

    public override string ToString() => Text;

    /// <summary>Rules of a list, or null where one of them is none.</summary>
    internal static KeepRules? Of(IReadOnlyList<string> rules) =>
        rules.Count is > 0 and <= MostRules && rules.All(rule => Rule().IsMatch(rule)) ? new KeepRules(string.Join(", ", rules)) : null;

    [GeneratedRegex($"^{RulePattern}$", RegexOptions.CultureInvariant)]
    private static partial Regex Rule();
}
