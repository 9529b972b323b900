using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.Kernels;

/// <summary>
/// Int4 weights, packed. A block is what one group of inputs means to 32 outputs: 32 scales (float16), 32 zero points (bytes), and for every eight inputs 32 words, an
/// output each, whose nibbles are its codes from the lowest on; the highest nibble's own high bit is inverted, so that it is right as a sign. Blocks lie
/// [panel][group]. A weight is f16((code − zero) · scale), as the engine computes it.
/// </summary>
/// <remarks>A weight beyond float16's range, which no quantizer makes, stays finite; in the engine it is infinite.</remarks>
public sealed unsafe class Int4Matrix : WeightMatrix
{
    internal const int CodesPerWord = 8;
    internal const int ZerosOffset = Columns * sizeof(ushort);
    internal const int WordsOffset = ZerosOffset + Columns;

    // p · 8193 − p · 8192 leaves float16's 11 significant bits of a p that has at most 15: the first product is rounded to 24 bits, of which 13 are gained.
    internal const float Split = 8193f;
    internal const float SplitBack = -8192f;

    private const int TileSide = 32;

    // Below float16's smallest normal number: the engine's instructions flush such a scale to zero.
    private const ushort SmallestNormal = 0x0400;

    private readonly int _groups;
    private readonly long _blockBytes;
    private readonly NativeBuffer _blocks;

    /// <param name="inputs">A multiple of <paramref name="groupSize"/>.</param>
    /// <param name="outputs">Any number.</param>
    /// <param name="groupSize">Inputs that share a scale: a multiple of 8.</param>
    /// <exception cref="ArgumentException">The sizes do not divide.</exception>
    public Int4Matrix(int inputs, int outputs, int groupSize)
        : base(inputs, outputs)
    {
        if (groupSize <= 0 || groupSize % CodesPerWord != 0 || inputs % groupSize != 0)
        {
            throw new ArgumentException($"{inputs} inputs cannot be divided into groups of {groupSize}, or {groupSize} is no multiple of {CodesPerWord}.");
        }

        GroupSize = groupSize;
        _groups = inputs / groupSize;
        _blockBytes = WordsOffset + ((long)groupSize * Columns / 2);
        _blocks = new NativeBuffer(PanelCount * _groups * _blockBytes);
        _blocks.Clear();
    }

    /// <summary>Inputs that share a scale.</summary>
    public int GroupSize { get; }

    public override long ByteCount => _blocks.ByteCount;

    /// <summary>Takes 32 × 32 codes of a tile as workspaces pack it (<c>qweight</c>). Tiles of different inputs can be set at once.</summary>
    /// <param name="words">The tile's 128 words.</param>
    /// <param name="firstInput">Where its first input goes: a multiple of 32.</param>
    /// <param name="outputs">Where its 32 columns go; a negative one is left out.</param>
    public void SetTile(uint* words, int firstInput, ReadOnlySpan<int> outputs)
    {
        for (var column = 0; column < TileSide; column++)
        {
            var output = outputs[column];
            if (output < 0)
            {
                continue;
            }

            for (var octet = 0; octet < TileSide / CodesPerWord; octet++)
            {
                // Input i and output n are in word 16·(n mod 8) + 4·(i div 2 mod 4) + 2·(i div 16) + n div 16, nibble 4·(i mod 2) + 2·(i div 8 mod 2) + (n div 8 mod 2).
                var from = words + (16 * (column % 8)) + (2 * (octet / 2)) + (column / 16);
                var shift = 4 * ((2 * (octet % 2)) + (column / 8 % 2));
                var codes = 0u;
                for (var pair = 0; pair < 4; pair++)
                {
                    var both = (from[4 * pair] >> shift) & 0x000F000F;
                    codes |= ((both | (both >> 12)) & 0xFF) << (8 * pair);
                }

                *Word(firstInput + (octet * CodesPerWord), output) = codes ^ 0x80000000;
            }
        }
    }

    /// <summary>Takes a scale and zero point of a workspace (<c>scales_zeros</c>): the low half is the float16 value 64 + zero.</summary>
    public void SetScale(uint word, int group, int output)
    {
        var block = Block(output / Columns, group);
        var scale = (ushort)(word >> 16);
        ((ushort*)block)[output % Columns] = (scale & 0x7FFF) < SmallestNormal ? (ushort)0 : scale;
        block[ZerosOffset + (output % Columns)] = (byte)((word >> 4) & 15);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Expand(int panel, int firstInput, int count, float* destination)
    {
        for (var done = 0; done < count;)
        {
            var input = firstInput + done;
            var group = input / GroupSize;
            var last = Math.Min(count, ((group + 1) * GroupSize) - firstInput);
            var block = Block(panel, group);
            for (var half = 0; half < Columns; half += Float16Lanes.Width)
            {
                var scale = Vectors512.LoadFloat16((ushort*)block + half);
                var zero = Vectors512.LoadBytes(block + ZerosOffset + half);
                var words = (uint*)(block + WordsOffset) + half;
                for (var i = done; i < last; i++)
                {
                    var within = (firstInput + i) % GroupSize;
                    var word = Vector512.Load(words + (within / CodesPerWord * Columns)) ^ Vector512.Create(0x80000000);
                    var code = Vector512.ConvertToSingle(((word >>> (4 * (within % CodesPerWord))) & Vector512.Create(15u)).AsInt32());
                    var exact = (code - zero) * scale;
                    var weight = Vector512.FusedMultiplyAdd(exact, Vector512.Create(SplitBack), exact * Vector512.Create(Split));
                    weight.Store(destination + (i * Columns) + half);
                }
            }

            done = last;
        }
    }

    public override void Dispose() => _blocks.Dispose();

    /// <summary>The nibbles are not shifted down but read as multiples of 16 to the power of their place: each activation is divided by that, exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal override void Prepare(float* x, float* prepared)
    {
        var places = Vector256.Create(1f, 1f / 16, 1f / 256, 1f / 4096, 1f / 65536, 1f / 1048576, 1f / 16777216, 1f / 268435456);
        for (nint i = 0; i < Inputs; i += CodesPerWord)
        {
            (Vector256.Load(x + i) * places).Store(prepared + i);
        }
    }

    internal override void MultiplyPanel(int panel, float* x, int rows, float* y, nint yStride, int width)
    {
        var blocks = Block(panel, 0);
        switch (width)
        {
            case 512:
                Int4Kernel<Vectors512, Vector512<float>>.Multiply(blocks, _groups, GroupSize, x, Inputs, rows, y, yStride);
                break;
            case 256:
                Int4Kernel<Vectors256, Vector256<float>>.Multiply(blocks, _groups, GroupSize, x, Inputs, rows, y, yStride);
                break;
            default:
                Int4Kernel<Vectors128, Vector128<float>>.Multiply(blocks, _groups, GroupSize, x, Inputs, rows, y, yStride);
                break;
        }
    }

    private byte* Block(int panel, int group) => _blocks.Pointer + ((((long)panel * _groups) + group) * _blockBytes);

    private uint* Word(int input, int output) =>
        (uint*)(Block(output / Columns, input / GroupSize) + WordsOffset) + (input % GroupSize / CodesPerWord * Columns) + (output % Columns);
}
