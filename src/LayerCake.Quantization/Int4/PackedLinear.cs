using LayerCake.Quantization.Numerics;

namespace LayerCake.Quantization.Int4;

/// <summary>
/// An int4 linear in AWQ's arrangement: [inputs, outputs], eight outputs in one int32.
/// <code>
/// bits   31..28 27..24 23..20 19..16 15..12 11..8  7..4   3..0
/// output 8c+7   8c+5   8c+3   8c+1   8c+6   8c+4   8c+2   8c
/// </code>
/// </summary>
internal sealed unsafe class PackedLinear : IDisposable
{
    private readonly NativeBuffer _weights;
    private readonly NativeBuffer _scales;
    private readonly NativeBuffer _zeros;

    public PackedLinear(int outputs, int inputs, int groupSize, BufferPool pool)
    {
        (Outputs, Inputs, GroupSize) = (outputs, inputs, groupSize);
        _weights = pool.Rent((long)inputs * WordsPerRow * sizeof(uint));
        _scales = pool.Rent((long)Groups * outputs * sizeof(float));
        _zeros = pool.Rent((long)Groups * WordsPerRow * sizeof(uint));
    }

    /// <summary>Bit offset of output 8c + index in word c.</summary>
    public static ReadOnlySpan<byte> BitOffsets => [0, 16, 4, 20, 8, 24, 12, 28];

    public int Outputs { get; }

    public int Inputs { get; }

    public int GroupSize { get; }

    public int Groups => Inputs / GroupSize;

    public int WordsPerRow => Outputs / 8;

    /// <summary>[inputs, outputs / 8].</summary>
    public uint* Weights => (uint*)_weights.Pointer;

    /// <summary>[groups, outputs].</summary>
    public float* Scales => (float*)_scales.Pointer;

    /// <summary>[groups, outputs / 8].</summary>
    public uint* Zeros => (uint*)_zeros.Pointer;

    public NativeBuffer WeightBytes => _weights;

    public NativeBuffer ScaleBytes => _scales;

    public NativeBuffer ZeroBytes => _zeros;

    public void Dispose()
    {
        _weights.Dispose();
        _scales.Dispose();
        _zeros.Dispose();
    }
}
