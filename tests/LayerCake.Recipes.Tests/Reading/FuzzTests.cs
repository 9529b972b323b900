using System.Text;
using CsCheck;

namespace LayerCake.Recipes.Tests;

/// <summary>Broken text gives a recipe or a RecipeException, and nothing else.</summary>
internal sealed class FuzzTests
{
    private static readonly string[] s_pieces =
    [
        "\n", "\r", "\r\n", "\t", " ", "  ", ":", ": ", "- ", "? ", "&a ", "*a", "!x ", "!!int ", "!<", "|", ">", "|2\n", ">-\n", "'", "\"", "\\", "\\x", "\\u00", "{", "}", "[", "]", ",",
        "#", " #", "%", "%YAML 1.2\n", "%TAG ! x\n", "@", "`", "---", "---\n", "...", "...\n", "<<: ", "~", "null", "true", "010", "1e999", "\u0085", "\u2028", "\ufeff", "\0", "\ud7ff", "😀", "calibrate:", "seed:",
    ];

    private static readonly Gen<Func<string, string>> s_edit = Gen.Select(Gen.Double.Unit, Gen.Int[0, 12], AnyOf.These(s_pieces), Gen.Int[0, 3])
        .Select<(double, int, string, int), Func<string, string>>(parts => text =>
        {
            var (where, length, piece, kind) = parts;
            var start = (int)(where * text.Length);
            var end = Math.Min(text.Length, start + length);
            return kind switch
            {
                0 => text.Insert(start, piece),
                1 => text.Remove(start, end - start),
                2 => text[..start] + piece + text[end..],
                _ => text.Insert(start, text[start..end]),
            };
        });

    [Test]
    public void A_mutated_recipe_is_read_or_refused() =>
        s_edit.Array[1, 8].Sample(edits => ReadsOrRefuses(edits.Aggregate(Recipes.Full, (text, edit) => edit(text))), iter: 2000);

    [Test]
    public void Pieces_of_YAML_in_any_order_are_read_or_refused() =>
        AnyOf.These(s_pieces).Array[0, 30].Sample(pieces => ReadsOrRefuses(string.Concat(pieces)), iter: 2000);

    [Test]
    public void Any_bytes_in_a_file_are_read_or_refused()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("recipe.yaml");
        var valid = Encoding.UTF8.GetBytes(Recipes.Full);

        Gen.Select(Gen.Byte.Array[0, 20], Gen.Int[0, valid.Length]).Sample(
            (bytes, at) =>
            {
                File.WriteAllBytes(path, [.. valid.AsSpan(0, at), .. bytes, .. valid.AsSpan(at)]);
                ReadsOrRefuses(() => RecipeReader.Load(path, []));
            },
            iter: 200,
            threads: 1);
    }

    [Test]
    public void Any_argument_is_read_or_refused()
    {
        var names = RecipeSchema.Sections.Select(section => section.Name).Concat(RecipeSchema.Sections.SelectMany(section => section.Fields).Select(field => field.Path)).ToArray();

        Gen.Select(AnyOf.These(names), AnyOf.These(s_pieces).Array[0, 6]).Array[1, 3].Sample(
            arguments => ReadsOrRefuses(() => Recipes.Parse(Recipes.Full, [.. arguments.Select(a => $"{a.Item1}={string.Concat(a.Item2)}")])), iter: 1000);
    }

    private static void ReadsOrRefuses(string text) => ReadsOrRefuses(() => Recipes.Parse(text));

    private static void ReadsOrRefuses(Func<Recipe> read)
    {
        try
        {
            Assert.That(read().Name, Is.Not.Empty);
        }
        catch (RecipeException e)
        {
            Assert.That(e.Message, Is.Not.Empty);
            Assert.That(e.Faults, Has.All.Matches<RecipeFault>(fault => fault!.Line >= 0 && fault.Column >= 0 && !fault.Message.Contains('\n')));
        }
    }
}
