using CsCheck;

namespace LayerCake.Quantization.Tests;

/// <summary>Float16 values as weights have them, and as they should not.</summary>
internal static class Generators
{
    /// <summary>Any finite float16, all magnitudes alike.</summary>
    public static readonly Gen<Half> Finite = Gen.UShort.Select(bits => BitConverter.UInt16BitsToHalf((bits & 0x7C00) == 0x7C00 ? (ushort)(bits & 0xBFFF) : bits));

    /// <summary>Mostly small values around zero, among them zeros of both signs, subnormals, repeated values (ties) and large ones.</summary>
    public static readonly Gen<Half> Weight = Gen.Frequency(
        (12, Gen.Double[-0.1, 0.1].Select(value => (Half)value)),
        (3, Gen.Int[-8, 8].Select(value => (Half)(value / 16f))),
        (1, OneOf(Half.Zero, Half.NegativeZero, Half.Epsilon, -Half.Epsilon, (Half)3.1e-5f, (Half)(-6e-5f))),
        (1, Finite.Select(value => (Half)((float)value / 16))));

    /// <summary>Shapes [rows, columns] with a group size that divides the columns, and values.</summary>
    public static readonly Gen<(int Rows, int Columns, int GroupSize, Half[] Values)> Matrix =
        from rows in Gen.Int[1, 20].Select(eights => eights * 8)
        from groupSize in OneOf(1, 4, 8, 24, 32, 64, 128)
        from groups in Gen.Int[1, 3]
        from values in Weight.Array[rows * groupSize * groups]
        select (rows, groupSize * groups, groupSize, values);

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);
}
