using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>Rules of names: a list of them, or one text with commas between them, as <c>--set</c> and a matrix write it.</summary>
internal sealed class KeepField(string section, string name, string description) : RecipeField<KeepRules>(section, name, description, KeepRules.Head), IListField
{
    // A separator is a comma and a space, so that a list has one spelling.
    private const string TextPattern = $"^{KeepRules.RulePattern}(, {KeepRules.RulePattern}){{0,63}}$";

    public override string Wanted => "a list of module names such as [lm_head, layers.0.*.down_proj], where * stands for any characters";

    internal override string Format(KeepRules value) => value.Text;

    internal override bool TryRead(ScalarNode scalar, out KeepRules value, out string problem)
    {
        value = KeepRules.Head;
        return scalar.TryReadText(Wanted, out var text, out problem) && TryRead(text.Split(", "), text, ref value, out problem);
    }

    public bool TryRead(ListNode list, out object? value, out string problem)
    {
        var rules = KeepRules.Head;
        var texts = new List<string>();
        foreach (var item in list.Items)
        {
            if (item is not ScalarNode scalar)
            {
                (value, problem) = (null, $"has {item.Description} among its rules; it must be {Wanted}");
                return false;
            }

            if (!scalar.TryReadText("a module name", out var text, out problem))
            {
                value = null;
                return false;
            }

            texts.Add(text);
        }

        var read = TryRead(texts, string.Join(", ", texts), ref rules, out problem);
        value = rules;
        return read;
    }

    internal override void WriteSchema(Utf8JsonWriter json, bool orNull)
    {
        json.WriteStartArray("type");
        json.WriteStringValue("string");
        json.WriteStringValue("array");
        WriteNull(json, orNull);
        json.WriteEndArray();
        json.WriteString("pattern", TextPattern);
        json.WriteNumber("minItems", 1);
        json.WriteNumber("maxItems", KeepRules.MostRules);
        json.WriteStartObject("items");
        json.WriteString("type", "string");
        json.WriteString("pattern", $"^{KeepRules.RulePattern}$");
        json.WriteEndObject();
        json.WriteString("default", Format(Default));
    }

    internal override void WriteMatrixSchema(Utf8JsonWriter json)
    {
        json.WriteString("type", "string");
        json.WriteString("pattern", TextPattern);
    }

    private bool TryRead(IReadOnlyList<string> rules, string text, ref KeepRules value, out string problem)
    {
        problem = "";
        if (KeepRules.Of(rules) is { } read)
        {
            value = read;
            return true;
        }

        problem = rules.Count > KeepRules.MostRules ? $"has {rules.Count} rules; at most {KeepRules.MostRules} are read" : $"is '{Quoting.Clip(text)}'; it must be {Wanted}";
        return false;
    }
}

/// <summary>A field that also takes a list.</summary>
internal interface IListField
{
    /// <summary>Reads a list; on failure the problem follows the field's path in a message.</summary>
    bool TryRead(ListNode list, out object? value, out string problem);
}
