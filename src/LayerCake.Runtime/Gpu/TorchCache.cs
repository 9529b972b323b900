using LayerCake.TurboMind;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Runtime;

/// <summary>How keys and values become elements of the cache and numbers again.</summary>
internal sealed class TorchCache : IDisposable
{
    private readonly ScalarType _type;
    private readonly List<(Tensor Scale, Tensor ZeroPoint, Tensor DecodeOffset, Tensor PrefillOffset)[]> _scales = [];

    /// <param name="type">The model's 16-bit type.</param>
    /// <param name="scales">Of an int8 cache, or null.</param>
    public TorchCache(EngineConfiguration configuration, ScalarType type, KeyValueScales? scales, Device device)
    {
        _type = type;
        IsInt8 = scales is not null;
        for (var layer = 0; IsInt8 && layer < configuration.LayerCount; layer++)
        {
            _scales.Add([Pair(scales!.Keys[layer], device), Pair(scales.Values[layer], device)]);
        }
    }

    public bool IsInt8 { get; }

    public ScalarType ElementType => IsInt8 ? ScalarType.Byte : _type;

    public int ElementSize => IsInt8 ? 1 : sizeof(ushort);

    /// <param name="values">float32 [KV heads, rows, 128], rounded to the model's type.</param>
    /// <param name="kind">Keys (0) or values (1).</param>
    public Tensor ToElements(Tensor values, int layer, int kind)
    {
        if (!IsInt8)
        {
            return values.to(_type);
        }

        var (scale, zeroPoint, _, _) = _scales[layer][kind];
        return (((values - zeroPoint) / scale) + 128).nan_to_num(0).clamp(0, 255).round().to(ScalarType.Byte);
    }

    /// <summary>float32 values as a prompt reads them: rounded to the model's type.</summary>
    public Tensor ReadPrefill(Tensor elements, int layer, int kind) =>
        IsInt8 ? Dequantize(elements, _scales[layer][kind].Scale, _scales[layer][kind].PrefillOffset).to(_type).to(ScalarType.Float32) : elements.to(ScalarType.Float32);

    /// <summary>float32 values as a decoding step reads them.</summary>
    public Tensor ReadDecode(Tensor elements, int layer, int kind) =>
        IsInt8 ? Dequantize(elements, _scales[layer][kind].Scale, _scales[layer][kind].DecodeOffset) : elements.to(ScalarType.Float32);

    public void Dispose()
    {
        foreach (var (scale, zeroPoint, decodeOffset, prefillOffset) in _scales.SelectMany(layer => layer))
        {
            scale.Dispose();
            zeroPoint.Dispose();
            decodeOffset.Dispose();
            prefillOffset.Dispose();
        }
    }

    /// <summary>One fused multiply-add: the product of 16 and 24 bits is exact in float64.</summary>
    private static Tensor Dequantize(Tensor elements, Tensor scale, Tensor offset) =>
        (((elements.to(ScalarType.Float64) + 32768) * scale) + offset).to(ScalarType.Float32);

    private static (Tensor Scale, Tensor ZeroPoint, Tensor DecodeOffset, Tensor PrefillOffset) Pair(KeyValueScale[] heads, Device device)
    {
        return (
            Column(heads.Select(head => head.Scale)),
            Column(heads.Select(head => head.ZeroPoint)),
            Column(heads.Select(head => head.DecodeOffset)),
            Column(heads.Select(head => head.PrefillOffset)));

        Tensor Column(IEnumerable<float> values) => TorchMemory.Upload(values.ToArray(), device, heads.Length, 1, 1);
    }
}
