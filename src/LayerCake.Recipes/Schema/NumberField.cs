using System.Globalization;
using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>A number with a fraction between two limits, or left out.</summary>
internal sealed class NumberField(string section, string name, string description, double minimum, double maximum)
    : RecipeField<double?>(section, name, description, null)
{
    public override string Wanted => string.Create(CultureInfo.InvariantCulture, $"a number from {minimum} to {maximum}");

    internal override string Format(double? value) => value?.ToString("R", CultureInfo.InvariantCulture) ?? "";

    internal override bool TryRead(ScalarNode scalar, out double? value, out string problem)
    {
        value = null;
        if (!scalar.TryReadNumber(Wanted, out var number, out problem))
        {
            return false;
        }

        if (!(number >= minimum && number <= maximum))
        {
            problem = $"is {Quoting.Clip(scalar.Text)}; it must be {Wanted}";
            return false;
        }

        value = number;
        return true;
    }

    internal override void WriteSchema(Utf8JsonWriter json, bool orNull)
    {
        WriteType(json, "number", orNull);
        json.WriteNumber("minimum", minimum);
        json.WriteNumber("maximum", maximum);
    }
}
