using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Runtime;

/// <summary>A linear's weights [inputs, outputs] on the device: 16-bit, or int4 codes two a byte, dequantized for every use.</summary>
internal sealed class TorchLinear : IDisposable
{
    private readonly Tensor? _weight;
    private readonly Tensor? _codes;
    private readonly Tensor? _scales;
    private readonly Tensor? _zeros;

    /// <param name="weight">[inputs, outputs]; owned from now on.</param>
    public TorchLinear(Tensor weight) => _weight = weight;

    /// <param name="codes">Bytes [inputs, outputs / 2]: the even column in the low nibble. Owned from now on, as the others.</param>
    /// <param name="scales">float16 [groups, outputs].</param>
    /// <param name="zeros">Bytes [groups, outputs].</param>
    public TorchLinear(Tensor codes, Tensor scales, Tensor zeros) => (_codes, _scales, _zeros) = (codes, scales, zeros);

    public long ByteCount => Parts.Sum(part => part.NumberOfElements * part.ElementSize);

    private IEnumerable<Tensor> Parts => new[] { _weight, _codes, _scales, _zeros }.OfType<Tensor>();

    /// <summary>The weights as products use them; the caller's scope owns a dequantized one.</summary>
    public Tensor Weight()
    {
        if (_weight is not null)
        {
            return _weight;
        }

        using var scope = NewDisposeScope();
        var (inputs, outputs, groups) = (_codes!.shape[0], _scales!.shape[1], _scales.shape[0]);
        var low = _codes.bitwise_and(tensor((byte)15, device: _codes.device));
        var high = _codes.bitwise_right_shift(tensor((byte)4, device: _codes.device));
        var codes = stack([low, high], -1).view(groups, inputs / groups, outputs).to(ScalarType.Float32);

        // An integer of 5 bits times 11 bits is exact in float32; then one rounding.
        var weight = (codes - _zeros!.to(ScalarType.Float32).unsqueeze(1)) * _scales.to(ScalarType.Float32).unsqueeze(1);
        return weight.view(inputs, outputs).to(ScalarType.Float16).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var part in Parts)
        {
            part.Dispose();
        }
    }
}
