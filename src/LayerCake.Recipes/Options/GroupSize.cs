using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>How many weights along the input share one scale and zero point.</summary>
public readonly record struct GroupSize
{
    public GroupSize(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
        Value = value;
    }

    public int Value { get; }

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
