using System.Globalization;
using System.Text.Json;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>A number that keeps whether it was written as an integer: Python prints 1 and 1.0 differently.</summary>
public readonly record struct PythonNumber(double Value, bool IsInteger)
{
    public static implicit operator PythonNumber(double value) => new(value, IsInteger: false);

    /// <summary>The number as Python's json module would read it: integer unless it has a fraction or an exponent.</summary>
    public static PythonNumber From(JsonElement number) => Parse(number.GetRawText());

    internal static PythonNumber Parse(string text) =>
        new(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture), text.AsSpan().IndexOfAny(".eEnN") < 0);

    public override string ToString() => IsInteger ? Value.ToString("F0", CultureInfo.InvariantCulture) : PythonFloat.Format(Value);
}
