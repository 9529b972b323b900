using System.Text.Json;

namespace LayerCake.Recipes;

/// <summary>true or false, and no other spelling of them.</summary>
internal sealed class BooleanField(string section, string name, string description, bool @default)
    : RecipeField<bool>(section, name, description, @default)
{
    public override string Wanted => "true or false";

    public override void AddTo(IKeyWriter key, bool value) => key.Add(Name, value);

    internal override string Format(bool value) => value ? "true" : "false";

    internal override bool TryRead(ScalarNode scalar, out bool value, out string problem) => scalar.TryReadBoolean(Wanted, out value, out problem);

    internal override void WriteSchema(Utf8JsonWriter json, bool orNull)
    {
        WriteType(json, "boolean", orNull);
        json.WriteBoolean("default", Default);
    }
}
