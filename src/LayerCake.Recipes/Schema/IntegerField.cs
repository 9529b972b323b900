using System.Globalization;
using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>A whole number between two limits.</summary>
internal sealed class IntegerField<T>(string section, string name, string description, T @default, T minimum, T maximum)
    : RecipeField<T>(section, name, description, @default)
    where T : struct, System.Numerics.IBinaryInteger<T>
{
    private readonly long _minimum = long.CreateChecked(minimum);
    private readonly long _maximum = long.CreateChecked(maximum);

    public override string Wanted => string.Create(CultureInfo.InvariantCulture, $"a whole number from {_minimum} to {_maximum}");

    public override void AddTo(IKeyWriter key, T value) => key.Add(Name, long.CreateChecked(value));

    internal override string Format(T value) => value.ToString(null, CultureInfo.InvariantCulture);

    internal override bool TryRead(ScalarNode scalar, out T value, out string problem)
    {
        value = default;
        if (!scalar.TryReadInteger(Wanted, out var number, out problem))
        {
            return false;
        }

        if (number < _minimum || number > _maximum)
        {
            problem = $"is {Quoting.Clip(scalar.Text)}; it must be {Wanted}";
            return false;
        }

        value = T.CreateChecked(number);
        return true;
    }

    internal override void WriteSchema(Utf8JsonWriter json, bool orNull)
    {
        WriteType(json, "integer", orNull);
        json.WriteNumber("minimum", _minimum);
        json.WriteNumber("maximum", _maximum);
        json.WriteNumber("default", long.CreateChecked(Default));
    }
}
