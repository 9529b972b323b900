using System.Security.Cryptography;
using System.Text;

namespace LayerCake.Recipes;

/// <summary>
/// Names for the variants of a recipe: <c>NAME-tensor_parallel2-samples32</c>, <c>NAME-weight_type_float16</c>. A name follows from the values alone, so it
/// stays when other combinations come and go, and it is a legal recipe name.
/// </summary>
internal static class VariantNames
{
    private const int LongestName = 100;
    private const int LongestValue = 40;
    private const int HashDigits = 8;

    /// <param name="recipe">The name that the recipe says.</param>
    /// <param name="axes">The matrix.</param>
    /// <param name="combinations">A value of each axis.</param>
    /// <returns>A name for each combination, no two the same, not even where case does not count.</returns>
    public static IReadOnlyList<string> Of(string recipe, IReadOnlyList<MatrixAxis> axes, IReadOnlyList<IReadOnlyList<MatrixValue>> combinations)
    {
        var keys = axes.Select(axis => KeyOf(axis, axes)).ToList();
        var labels = axes.Select(Labels).ToList();
        var names = combinations.Select(values => Shortened(recipe + string.Concat(values.Select((value, i) => $"-{keys[i]}{labels[i][value.Text]}")))).ToList();
        var often = names.CountBy(name => name, StringComparer.OrdinalIgnoreCase).Where(count => count.Value > 1).Select(count => count.Key)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        return [.. names.Select((name, i) => often.Contains(name) ? WithHash(name, string.Join('\n', combinations[i].Select(value => value.Text)), LongestName) : name)];
    }

    /// <summary>The key's last part, or all of it where another key of the matrix ends alike.</summary>
    private static string KeyOf(MatrixAxis axis, IReadOnlyList<MatrixAxis> axes) =>
        axes.Count(other => other.Field.Name == axis.Field.Name) > 1 ? axis.Field.Path : axis.Field.Name;

    /// <summary>What stands for each value: itself as far as a file name may hold it, of a path the last part.</summary>
    private static Dictionary<string, string> Labels(MatrixAxis axis)
    {
        var texts = axis.Listed.Concat(axis.Chosen).Select(value => value.Text).Distinct(StringComparer.Ordinal).ToList();
        var plain = texts.ToDictionary(text => text, Plain, StringComparer.Ordinal);
        var alike = plain.Values.CountBy(label => label, StringComparer.OrdinalIgnoreCase).ToDictionary(StringComparer.OrdinalIgnoreCase);
        return texts.ToDictionary(text => text, text =>
        {
            var label = plain[text];
            label = label.Length == 0 || label.Length > LongestValue || alike[label] > 1 ? WithHash(label, text, LongestValue) : label;
            return char.IsAsciiDigit(label[0]) ? label : "_" + label;
        }, StringComparer.Ordinal);
    }

    private static string Plain(string text)
    {
        var name = text.TrimEnd('/');
        name = name[(name.LastIndexOf('/') + 1)..];
        return string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' ? c : '-')).Trim('-', '.');
    }

    private static string Shortened(string name)
    {
        name = name.TrimEnd('.', '-');
        return name.Length <= LongestName ? name : WithHash(name, name, LongestName);
    }

    private static string WithHash(string label, string text, int longest)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..HashDigits];
        var start = label[..Math.Min(label.Length, longest - HashDigits - 1)].TrimEnd('.', '-');
        return start.Length == 0 ? hash : $"{start}-{hash}";
    }
}
