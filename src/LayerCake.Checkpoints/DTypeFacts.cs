using System.Collections.Frozen;
using System.Collections.Immutable;

namespace LayerCake.Checkpoints;

/// <summary>Sizes and names of element types.</summary>
public static class DTypeFacts
{
    private static readonly ImmutableArray<(DType DType, int Bits, string Safetensors, string Torch)> Facts =
    [
        (DType.Bool, 8, "BOOL", "bool"),
        (DType.U8, 8, "U8", "uint8"),
        (DType.I8, 8, "I8", "int8"),
        (DType.F8E5M2, 8, "F8_E5M2", "float8_e5m2"),
        (DType.F8E4M3, 8, "F8_E4M3", "float8_e4m3fn"),
        (DType.I16, 16, "I16", "int16"),
        (DType.U16, 16, "U16", "uint16"),
        (DType.F16, 16, "F16", "float16"),
        (DType.BF16, 16, "BF16", "bfloat16"),
        (DType.I32, 32, "I32", "int32"),
        (DType.U32, 32, "U32", "uint32"),
        (DType.F32, 32, "F32", "float32"),
        (DType.I64, 64, "I64", "int64"),
        (DType.U64, 64, "U64", "uint64"),
        (DType.F64, 64, "F64", "float64"),
        (DType.C64, 64, "C64", "complex64"),
        (DType.F8E8M0, 8, "F8_E8M0", "float8_e8m0fnu"),
        (DType.F8E4M3Fnuz, 8, "F8_E4M3FNUZ", "float8_e4m3fnuz"),
        (DType.F8E5M2Fnuz, 8, "F8_E5M2FNUZ", "float8_e5m2fnuz"),
        (DType.F4, 4, "F4", "float4_e2m1fn"),
        (DType.F6E2M3, 6, "F6_E2M3", "float6_e2m3fn"),
        (DType.F6E3M2, 6, "F6_E3M2", "float6_e3m2fn"),
    ];

    private static readonly ImmutableArray<(int Bits, string Safetensors, string Torch)> ByDType =
        [.. Facts.OrderBy(fact => fact.DType).Select(fact => (fact.Bits, fact.Safetensors, fact.Torch))];

    private static readonly FrozenDictionary<string, DType> BySafetensorsName =
        Facts.ToFrozenDictionary(fact => fact.Safetensors, fact => fact.DType, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, DType> ByTorchName = Facts
        .Select(fact => (Name: fact.Torch, fact.DType))
        .Concat([("half", DType.F16), ("float", DType.F32), ("double", DType.F64), ("int", DType.I32), ("long", DType.I64)])
        .ToFrozenDictionary(pair => pair.Item1, pair => pair.Item2, StringComparer.Ordinal);

    /// <summary>Bits of one element.</summary>
    public static int BitSize(this DType dtype) => ByDType[(int)dtype].Bits;

    /// <summary>Bytes of one element.</summary>
    /// <exception cref="CheckpointException">The element is smaller than a byte (F4, F6).</exception>
    public static int ByteSize(this DType dtype)
    {
        var bits = dtype.BitSize();
        return bits % 8 == 0
            ? bits / 8
            : throw new CheckpointException(
                $"{dtype.SafetensorsName()} elements have {bits} bits: such tensors can be listed and copied, but not computed with. Use a float16, bfloat16 or float32 checkpoint.");
    }

    /// <summary>Bytes of <paramref name="elementCount"/> elements stored one after another.</summary>
    /// <exception cref="CheckpointException">The count does not fill whole bytes, or the size does not fit 63 bits.</exception>
    public static long ByteCount(this DType dtype, long elementCount)
    {
        var bits = (Int128)elementCount * dtype.BitSize();
        return elementCount >= 0 && bits % 8 == 0 && bits / 8 <= long.MaxValue
            ? (long)(bits / 8)
            : throw new CheckpointException($"{elementCount} elements of {dtype.SafetensorsName()} are not a whole, addressable number of bytes.");
    }

    /// <summary>The name in a safetensors header, for example <c>BF16</c>.</summary>
    public static string SafetensorsName(this DType dtype) => ByDType[(int)dtype].Safetensors;

    /// <summary>The name after <c>torch.</c>, for example <c>bfloat16</c>.</summary>
    public static string TorchName(this DType dtype) => ByDType[(int)dtype].Torch;

    public static bool TryParseSafetensors(string name, out DType dtype) => BySafetensorsName.TryGetValue(name, out dtype);

    /// <summary>Reads <c>float16</c>, <c>torch.float16</c> and torch's short names (<c>half</c>).</summary>
    public static bool TryParseTorch(string name, out DType dtype) =>
        ByTorchName.TryGetValue(name.StartsWith("torch.", StringComparison.Ordinal) ? name["torch.".Length..] : name, out dtype);
}
