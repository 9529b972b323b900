using System.Globalization;
using System.Numerics;

namespace LayerCake.Recipes;

/// <summary>Over how many GPUs the engine splits each layer; a power of two.</summary>
public readonly record struct TensorParallel
{
    public TensorParallel(int degree)
    {
        if (degree < 1 || !BitOperations.IsPow2(degree))
        {
            throw new ArgumentOutOfRangeException(nameof(degree), degree, "A tensor-parallel degree is a power of two.");
        }

        Degree = degree;
    }

    public int Degree { get; }

    public override string ToString() => Degree.ToString(CultureInfo.InvariantCulture);
}
