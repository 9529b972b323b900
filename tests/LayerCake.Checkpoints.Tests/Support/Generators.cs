using CsCheck;

namespace LayerCake.Checkpoints.Tests;

/// <summary>Random tensor sets.</summary>
internal static class Generators
{
    public static readonly Gen<long[]> Shape = Gen.Long[0, 5].Array[0, 4];

    private static readonly Gen<string> Name =
        Gen.OneOf(Gen.String[Gen.Char.AlphaNumeric, 1, 12], Gen.Const("layers.0.\"wq\"\\ä€𝄞"), Gen.String[Gen.Char[' ', '\u02ff'], 1, 8]);

    public static Gen<(TensorInfo Info, byte[] Bytes)[]> Tensors(params DType[] dtypes) =>
        Gen.Select(Name, Gen.Int[0, dtypes.Length - 1].Select(index => dtypes[index]), Shape, Gen.Int)
            .Where((_, dtype, shape, _) => TensorInfo.TryCountBytes(dtype, shape, out _))
            .Array[0, 8]
            .Select(rows => rows.DistinctBy(row => row.Item1).Select(row =>
            {
                var info = TensorInfo.Of(row.Item1, row.Item2, row.Item3);
                var bytes = new byte[info.ByteCount];
                new Random(row.Item4).NextBytes(bytes);
                return (info, bytes);
            }).ToArray());
}
