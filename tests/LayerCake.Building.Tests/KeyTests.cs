using System.Text.Json;
using CsCheck;
using LayerCake.Recipes;

namespace LayerCake.Building.Tests;

public sealed class KeyTests
{
    [Test]
    public void Fields_that_join_to_the_same_text_have_different_keys()
    {
        StepKey[] keys =
        [
            KeyOf(key => { key.Add("a", "bc"); }),
            KeyOf(key => { key.Add("ab", "c"); }),
            KeyOf(key => { key.Add("a", "b"); key.Add("c", ""); }),
            KeyOf(key => { key.Add("a", ""); key.Add("bc", ""); }),
            KeyOf(key => key.AddNested("a", group => group.Add("b", "c"))),
            KeyOf(key => { key.AddNested("a", _ => { }); key.Add("b", "c"); }),
            KeyOf(key => key.AddNested("a", group => group.AddNested("b", inner => inner.Add("c", "")))),
            KeyOf(_ => { }),
        ];

        Assert.That(keys, Is.Unique);
    }

    [Test]
    public void A_text_a_number_and_a_truth_value_that_look_alike_have_different_keys()
    {
        StepKey[] keys = [KeyOf(key => key.Add("a", "1")), KeyOf(key => key.Add("a", 1)), KeyOf(key => key.Add("a", true)), KeyOf(key => key.Add("a", "true"))];

        Assert.That(keys, Is.Unique);
    }

    [Test]
    public void The_order_of_writing_does_not_matter()
    {
        var first = KeyOf(key => { key.Add("a", 1); key.AddNested("g", group => { group.Add("x", "1"); group.Add("y", "2"); }); });
        var second = KeyOf(key => { key.AddNested("g", group => { group.Add("y", "2"); group.Add("x", "1"); }); key.Add("a", 1); });

        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void A_field_written_twice_is_refused()
    {
        Assert.That(() => KeyOf(key => { key.Add("a", 1); key.Add("a", "2"); }), Throws.ArgumentException.With.Message.Contains("'a'"));
        Assert.That(() => { var hasher = new KeyHasher(); hasher.Add("a", 1); hasher.Add("a", 1); }, Throws.ArgumentException);
    }

    [Test]
    public void A_text_that_is_not_Unicode_is_refused_instead_of_being_replaced() =>
        Assert.That(() => KeyOf(key => key.Add("a", "\ud800")), Throws.InstanceOf<ArgumentException>());

    [Test]
    public void The_key_encoding_does_not_change_unnoticed()
    {
        // A change here makes every store forget everything: raise StoreLayout.Format with it.
        var key = KeyOf(writer => { writer.Add("step", "calibrate"); writer.Add("samples", 64); writer.AddNested("flags", group => group.Add("symmetric", false)); });

        Assert.That(key.ToString(), Is.EqualTo("e2edabde9dafdbf9b01f817a0b2a77012db460cb492c41c16d2d1b7a9b049c24"));
    }

    [Test]
    public void Document_and_hasher_agree_and_the_document_survives_JSON() => Fields.Sample(fields =>
    {
        var document = Document(fields);
        var hasher = new KeyHasher();
        document.WriteTo(hasher);
        var again = KeyDocument.FromJson(JsonDocument.Parse(JsonOf(document)).RootElement);

        Assert.That(document.Key.Value, Is.EqualTo(hasher.ToDigest()));
        Assert.That(again.Key, Is.EqualTo(document.Key));
        Assert.That(KeyDocument.Diff(document, again), Is.Empty);
    }, iter: 300);

    [Test]
    public void Changing_any_field_changes_the_key_and_the_difference_names_it() => Gen.Select(Fields, Gen.Int[0, 1000]).Sample((fields, choice) =>
    {
        if (fields.Count == 0)
        {
            return;
        }

        var name = fields.Keys.Order(StringComparer.Ordinal).ElementAt(choice % fields.Count);
        var changed = new Dictionary<string, object>(fields)
        {
            [name] = fields[name] switch { string text => text + "x", long number => number ^ 1, var flag => !(bool)flag },
        };
        var old = Document(fields);
        var @new = Document(changed);
        var differences = KeyDocument.Diff(old, @new);

        Assert.That(@new.Key, Is.Not.EqualTo(old.Key));
        Assert.That(differences, Has.Count.EqualTo(1));
        Assert.That(differences[0].Field, Is.EqualTo("group." + name));
    }, iter: 300);

    [Test]
    public void A_difference_has_old_and_new_values_and_names_groups_with_dots()
    {
        var old = KeyDocument.Of(key => { key.AddNested("recipe", group => { group.Add("samples", 64); group.Add("gone", true); }); key.Add("same", "s"); });
        var @new = KeyDocument.Of(key => { key.AddNested("recipe", group => { group.Add("samples", 32); group.AddNested("more", inner => inner.Add("x", "y")); }); key.Add("same", "s"); });

        Assert.That(KeyDocument.Diff(old, @new), Is.EqualTo(new KeyDifference[]
        {
            new("recipe.gone", "true", null), new("recipe.more.x", null, "y"), new("recipe.samples", "64", "32"),
        }));
    }

    [TestCase("[]")]
    [TestCase("1")]
    [TestCase("""{"a":1.5}""")]
    [TestCase("""{"a":null}""")]
    [TestCase("""{"a":[1]}""")]
    [TestCase("""{"a":1,"a":2}""")]
    [TestCase("""{"a":99999999999999999999}""")]
    public void JSON_that_no_key_can_be_is_refused(string json) =>
        Assert.That(() => KeyDocument.FromJson(JsonDocument.Parse(json).RootElement), Throws.InstanceOf<FormatException>());

    private static readonly Gen<Dictionary<string, object>> Fields = Gen.Dictionary(
        Gen.String[Gen.Char.AlphaNumeric, 1, 8],
        Gen.OneOf<object>(Gen.String[Gen.Char[' ', '\u00ff'], 0, 8].Select(text => (object)text), Gen.Long.Select(number => (object)number), Gen.Bool.Select(flag => (object)flag)))[0, 8];

    private static KeyDocument Document(Dictionary<string, object> fields) => KeyDocument.Of(key => key.AddNested("group", group =>
    {
        foreach (var (name, value) in fields)
        {
            switch (value)
            {
                case string text:
                    group.Add(name, text);
                    break;
                case long number:
                    group.Add(name, number);
                    break;
                default:
                    group.Add(name, (bool)value);
                    break;
            }
        }
    }));

    private static StepKey KeyOf(Action<IKeyWriter> write) => KeyDocument.Of(write).Key;

    private static byte[] JsonOf(KeyDocument document)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            document.WriteJson(json);
        }

        return stream.ToArray();
    }
}
