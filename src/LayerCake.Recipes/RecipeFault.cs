using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>One thing that is wrong with a recipe.</summary>
/// <param name="File">The recipe's path as it was given, or the argument (<c>--set calibrate.samples=0</c>).</param>
/// <param name="Line">Counted from 1; 0 where a line means nothing, as for an argument.</param>
/// <param name="Column">Counted from 1; 0 with line 0.</param>
/// <param name="Message">What is wrong and what to do.</param>
public sealed record RecipeFault(string File, int Line, int Column, string Message)
{
    /// <summary><c>file:line:column: message</c>, which editors and terminals can jump to.</summary>
    public override string ToString() => Line > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{Column}: {Message}")
        : $"{File}: {Message}";
}
