using System.Globalization;
using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>One of a few whole numbers.</summary>
/// <param name="section">The section that holds the field.</param>
/// <param name="name">Its key.</param>
/// <param name="description">What it changes.</param>
/// <param name="default">The number when the key is left out.</param>
/// <param name="choices">The legal numbers, ascending.</param>
/// <param name="wrap">From number to type.</param>
/// <param name="unwrap">From type to number.</param>
/// <param name="reason">Why no other number works; it ends the message.</param>
internal sealed class IntegerChoiceField<T>(
    string section, string name, string description, T @default, int[] choices, Func<int, T> wrap, Func<T, int> unwrap, string reason)
    : RecipeField<T>(section, name, description, @default)
{
    public override string Wanted => choices.Length == 1
        ? choices[0].ToString(CultureInfo.InvariantCulture)
        : $"one of {string.Join(", ", choices.Select(choice => choice.ToString(CultureInfo.InvariantCulture)))}";

    public override void AddTo(IKeyWriter key, T value) => key.Add(Name, unwrap(value));

    internal override string Format(T value) => unwrap(value).ToString(CultureInfo.InvariantCulture);

    internal override bool TryRead(ScalarNode scalar, out T value, out string problem)
    {
        value = default!;
        if (!scalar.TryReadInteger(Wanted, out var number, out problem))
        {
            return false;
        }

        if (number > int.MaxValue || !choices.Contains((int)Math.Max(number, int.MinValue)))
        {
            problem = $"is {Quoting.Clip(scalar.Text)}; it must be {Wanted}: {reason}";
            return false;
        }

        value = wrap((int)number);
        return true;
    }

    internal override void WriteSchema(Utf8JsonWriter json, bool orNull)
    {
        WriteType(json, "integer", orNull);
        json.WriteStartArray("enum");
        foreach (var choice in choices)
        {
            json.WriteNumberValue(choice);
        }

        WriteNull(json, orNull);
        json.WriteEndArray();
        json.WriteNumber("default", unwrap(Default));
    }
}
