using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>Bits of one quantized weight.</summary>
public readonly record struct BitWidth
{
    public BitWidth(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
        Value = value;
    }

    public int Value { get; }

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
