using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>
/// Int4 weights, packed: [panel][input] 16 bytes, whose low nibbles are columns 0 to 15 of the panel and whose high ones are columns 16 to 31;
/// and per panel and group 32 scales (float16) and 32 zero points. A weight is f16((code − zero) · scale).
/// </summary>
internal sealed unsafe class Int4Matrix : WeightMatrix
{
    private const int Columns = PanelProduct.Columns;
    private const int RowBytes = Columns / 2;
    private const int TileSide = 32;
    private const int TileWords = 128;

    // Below float16's smallest normal number: the engine's instructions flush such a scale to zero.
    private const ushort SmallestNormal = 0x0400;

    private readonly int _groups;
    private readonly NativeBuffer _codes;
    private readonly NativeBuffer _scales;
    private readonly NativeBuffer _zeros;

    /// <param name="inputs">A multiple of <paramref name="groupSize"/> and of 32.</param>
    /// <param name="outputs">A multiple of 32.</param>
    /// <param name="groupSize">Inputs that share a scale.</param>
    public Int4Matrix(int inputs, int outputs, int groupSize)
        : base(inputs, outputs)
    {
        GroupSize = groupSize;
        _groups = inputs / groupSize;
        _codes = new NativeBuffer((long)PanelCount * inputs * RowBytes);
        _scales = new NativeBuffer((long)PanelCount * _groups * Columns * sizeof(ushort));
        _zeros = new NativeBuffer((long)PanelCount * _groups * Columns);
        _codes.Clear();
    }

    /// <summary>Inputs that share a scale.</summary>
    public int GroupSize { get; }

    public override long ByteCount => _codes.ByteCount + _scales.ByteCount + _zeros.ByteCount;

    /// <summary>Takes 32 × 32 codes of a tile as workspaces pack it (<c>qweight</c>).</summary>
    /// <param name="words">The tile's 128 words.</param>
    /// <param name="firstInput">Where its first input goes.</param>
    /// <param name="outputs">Where its 32 columns go; a negative one is left out.</param>
    [SkipLocalsInit]
    public void SetTile(uint* words, int firstInput, ReadOnlySpan<int> outputs)
    {
        for (var word = 0; word < TileWords; word++)
        {
            // Word 16·(n mod 8) + 4·(i div 2 mod 4) + 2·(i div 16) + n div 16; nibble 4·(i mod 2) + 2·(i div 8 mod 2) + (n div 8 mod 2).
            var lane = word / 4;
            var (highInput, highOutput) = (word % 4 / 2, word % 2);
            for (var nibble = 0; nibble < 8; nibble++)
            {
                var input = (16 * highInput) + (8 * (nibble / 2 % 2)) + (2 * (lane % 4)) + (nibble / 4);
                var output = outputs[(16 * highOutput) + (8 * (nibble % 2)) + (lane / 4)];
                if (output >= 0)
                {
                    var code = (words[word] >> (4 * nibble)) & 15;
                    var at = _codes.Pointer + (((((nint)output / Columns) * Inputs) + firstInput + input) * RowBytes) + (output % RowBytes);
                    *at |= (byte)(output % Columns < RowBytes ? code : code << 4);
                }
            }
        }
    }

    /// <summary>Takes a scale and zero point of a workspace (<c>scales_zeros</c>): the low half is the float16 value 64 + zero.</summary>
    public void SetScale(uint word, int group, int output)
    {
        var at = ((((nint)output / Columns) * _groups) + group) * Columns + (output % Columns);
        var scale = (ushort)(word >> 16);
        ((ushort*)_scales.Pointer)[at] = (scale & 0x7FFF) < SmallestNormal ? (ushort)0 : scale;
        _zeros.Pointer[at] = (byte)((word >> 4) & 15);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Expand(int panel, int firstInput, int count, float* destination)
    {
        var codes = _codes.Pointer + ((((nint)panel * Inputs) + firstInput) * RowBytes);
        for (var done = 0; done < count;)
        {
            var group = (firstInput + done) / GroupSize;
            var steps = Math.Min(count - done, ((group + 1) * GroupSize) - firstInput - done);
            var at = (((nint)panel * _groups) + group) * Columns;
            var scales = (Half*)_scales.Pointer + at;
            var (lowScale, highScale) = (Float16Lanes.Load(scales), Float16Lanes.Load(scales + RowBytes));
            var (lowZero, highZero) = (Widen(Vector128.Load(_zeros.Pointer + at)), Widen(Vector128.Load(_zeros.Pointer + at + RowBytes)));
            for (var step = 0; step < steps; step++, done++, codes += RowBytes, destination += Columns)
            {
                var bytes = Vector128.Load(codes);
                var low = Vector512.ConvertToSingle(Widen(bytes & Vector128.Create((byte)15)) - lowZero) * lowScale;
                var high = Vector512.ConvertToSingle(Widen((bytes.AsUInt16() >>> 4).AsByte() & Vector128.Create((byte)15)) - highZero) * highScale;
                Float16Lanes.Round(low).Store(destination);
                Float16Lanes.Round(high).Store(destination + RowBytes);
            }
        }
    }

    public override void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
        _zeros.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Widen(Vector128<byte> bytes)
    {
        var (low, high) = Vector128.Widen(bytes);
        var (a, b) = Vector128.Widen(low);
        var (c, d) = Vector128.Widen(high);
        return Vector512.Create(Vector256.Create(a, b), Vector256.Create(c, d)).AsInt32();
    }
}
