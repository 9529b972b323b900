using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LayerCake.Checkpoints;

namespace LayerCake.Reporting;

/// <summary>Compares two 4-bit matrices code by code and by what they stand for: (code − zero point) · scale.</summary>
internal static class PackedComparer
{
    /// <summary>Inputs that are compared together; a tile of TurboMind's layout is that high.</summary>
    public const int SlabInputs = 32;

    private const int TileWords = 128;

    /// <summary>How many inputs make a piece of about <see cref="ElementComparer.PieceBytes"/>, whole slabs.</summary>
    public static long InputsAtOnce(PackedContent packed) => packed.Layout == PackedLayout.Tiles
        ? Math.Max(1, ElementComparer.PieceBytes / Math.Max(1, packed.Outputs * SlabInputs / 2)) * SlabInputs
        : Math.Max(1, ElementComparer.PieceBytes / Math.Max(1, packed.Outputs / 2));

    /// <summary>Compares the inputs from <paramref name="first"/> on. <see cref="PartialDifference.First"/> is input · N + output.</summary>
    public static PartialDifference Compare(PackedContent a, PackedContent b, long first, long count)
    {
        var pool = ArrayPool<uint>.Shared;
        var words = checked((int)(count * a.Outputs / 8));
        var (left, right) = (pool.Rent(words), pool.Rent(words));
        try
        {
            a.Codes.Read(first * a.Outputs / 2, MemoryMarshal.AsBytes(left.AsSpan(0, words)));
            b.Codes.Read(first * b.Outputs / 2, MemoryMarshal.AsBytes(right.AsSpan(0, words)));
            return Compare(a, left, b, right, first, count);
        }
        finally
        {
            pool.Return(left);
            pool.Return(right);
        }
    }

    private static PartialDifference Compare(PackedContent a, ReadOnlySpan<uint> left, PackedContent b, ReadOnlySpan<uint> right, long first, long count)
    {
        var partial = new PartialDifference();
        var (groupA, groupB) = ((Group?)null, (Group?)null);
        if (a.Layout == PackedLayout.Tiles)
        {
            var words = (int)(a.Outputs * SlabInputs / 8);
            for (var input = 0L; input < count; input += SlabInputs)
            {
                var start = (int)(input / SlabInputs * words);
                groupA = Group.Of(a, (first + input) / a.GroupSize, groupA);
                groupB = Group.Of(b, (first + input) / b.GroupSize, groupB);
                CompareTiles(left.Slice(start, words), right.Slice(start, words), groupA, groupB, first + input, a.Outputs, ref partial);
            }
        }
        else
        {
            var words = (int)(a.Outputs / 8);
            for (var row = 0; row < count; row++)
            {
                groupA = Group.Of(a, (first + row) / a.GroupSize, groupA);
                groupB = Group.Of(b, (first + row) / b.GroupSize, groupB);
                CompareRow(left.Slice(row * words, words), right.Slice(row * words, words), groupA, groupB, first + row, a.Outputs, ref partial);
            }
        }

        return partial;
    }

    /// <summary>The code at an input and an output with what it stands for, as text.</summary>
    public static string Text(PackedContent packed, long input, long output)
    {
        var (word, shift) = Place(packed, input, output);
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        packed.Codes.Read(word * sizeof(uint), bytes);
        var code = (int)(MemoryMarshal.Read<uint>(bytes) >> shift & 15);
        var group = Group.Read(packed, input / packed.GroupSize);
        return FormattableString.Invariant($"code {code} ({Numbers.Text((code - group.Zeros[output]) * group.Scales[output])})");
    }

    // TilePacker's and PackedLinear's arrangements.
    private static (long Word, int Shift) Place(PackedContent packed, long input, long output)
    {
        if (packed.Layout == PackedLayout.Rows)
        {
            return ((input * (packed.Outputs / 8)) + (output / 8), AwqShifts[(int)(output % 8)]);
        }

        var tile = (input / SlabInputs * (packed.Outputs / SlabInputs)) + (output / SlabInputs);
        var (i, n) = ((int)(input % SlabInputs), (int)(output % SlabInputs));
        var word = (16 * (n % 8)) + (4 * (i / 2 % 4)) + (2 * (i / 16)) + (n / 16);
        var nibble = (4 * (i % 2)) + (2 * (i / 8 % 2)) + (n / 8 % 2);
        return ((tile * TileWords) + word, 4 * nibble);
    }

    private static ReadOnlySpan<int> AwqShifts => [0, 16, 4, 20, 8, 24, 12, 28];

    private static void CompareTiles(ReadOnlySpan<uint> left, ReadOnlySpan<uint> right, Group a, Group b, long slab, long outputs, ref PartialDifference partial)
    {
        var shifts = Vector256.Create(0u, 4, 8, 12, 16, 20, 24, 28);
        for (var tile = 0; tile < left.Length / TileWords; tile++)
        {
            var sums = default(Sums);
            for (var part = 0; part < 16; part++)
            {
                // Sixteen words of a row of eight outputs: the even words have outputs n and n + 8, the odd ones n + 16 and n + 24.
                var output = (tile * SlabInputs) + (part / 2) + (part % 2 * 16);
                var (scaleA, zeroA) = (Pair(a.Scales, output), Pair(a.Zeros, output));
                var (scaleB, zeroB) = (Pair(b.Scales, output), Pair(b.Zeros, output));
                var start = (tile * TileWords) + (part / 2 * 16) + (part % 2);
                for (var k = 0; k < 8; k++)
                {
                    var word = start + (2 * k);
                    sums.Add(left[word], right[word], shifts, scaleA, zeroA, scaleB, zeroB);
                }
            }

            if (sums.Differing > 0 && partial.First < 0)
            {
                partial.First = FirstOfSlab(left, right, slab, outputs);
            }

            sums.AddTo(ref partial);
        }
    }

    /// <summary>The first code of a slab in the order of its inputs, then outputs; the tiles themselves go by outputs first.</summary>
    private static long FirstOfSlab(ReadOnlySpan<uint> left, ReadOnlySpan<uint> right, long slab, long outputs)
    {
        var first = long.MaxValue;
        for (var at = 0; at < left.Length; at++)
        {
            for (var difference = left[at] ^ right[at]; difference != 0;)
            {
                var nibble = BitOperations.TrailingZeroCount(difference) / 4;
                difference &= ~(15u << (4 * nibble));
                var (tile, word) = (at / TileWords, at % TileWords);
                var input = (word / 4 % 4 * 2) + (word / 2 % 2 * 16) + (nibble / 4) + (nibble / 2 % 2 * 8);
                var output = (tile * SlabInputs) + (word / 16) + (word % 2 * 16) + (nibble % 2 * 8);
                first = Math.Min(first, ((slab + input) * outputs) + output);
            }
        }

        return first;
    }

    private static Vector256<float> Pair(float[] values, int output)
    {
        var (even, odd) = (values[output], values[output + 8]);
        return Vector256.Create(even, odd, even, odd, even, odd, even, odd);
    }

    private static void CompareRow(ReadOnlySpan<uint> left, ReadOnlySpan<uint> right, Group a, Group b, long input, long outputs, ref PartialDifference partial)
    {
        var shifts = Vector256.Create(0u, 16, 4, 20, 8, 24, 12, 28);
        var sums = default(Sums);
        for (var word = 0; word < left.Length; word++)
        {
            if (left[word] != right[word] && partial.First < 0)
            {
                for (var lane = 0; lane < 8 && partial.First < 0; lane++)
                {
                    partial.First = ((left[word] ^ right[word]) >> AwqShifts[lane] & 15) != 0 ? (input * outputs) + (word * 8) + lane : -1;
                }
            }

            sums.Add(
                left[word], right[word], shifts, Vector256.Create(a.Scales, word * 8), Vector256.Create(a.Zeros, word * 8),
                Vector256.Create(b.Scales, word * 8), Vector256.Create(b.Zeros, word * 8));
        }

        sums.AddTo(ref partial);
    }

    /// <summary>Sums over a few thousand codes, in float32 and in a fixed order.</summary>
    private struct Sums
    {
        public long Differing;
        private Vector256<float> _error;
        private Vector256<float> _energy;
        private Vector256<float> _largest;

        public void Add(
            uint left, uint right, Vector256<uint> shifts, Vector256<float> scaleA, Vector256<float> zeroA, Vector256<float> scaleB, Vector256<float> zeroB)
        {
            var difference = left ^ right;
            difference |= difference >> 1;
            difference |= difference >> 2;
            Differing += BitOperations.PopCount(difference & 0x11111111);
            var a = (Vector256.ConvertToSingle((Shift(left, shifts) & Vector256.Create(15u)).AsInt32()) - zeroA) * scaleA;
            var b = (Vector256.ConvertToSingle((Shift(right, shifts) & Vector256.Create(15u)).AsInt32()) - zeroB) * scaleB;
            var error = Vector256.Abs(b - a);
            _error += error * error;
            _energy += a * a;
            _largest = Vector256.Max(_largest, error);
        }

        public readonly void AddTo(ref PartialDifference partial)
        {
            partial.Differing += Differing;
            partial.Error += Vector256.Sum(_error);
            partial.Energy += Vector256.Sum(_energy);
            for (var lane = 0; lane < Vector256<float>.Count; lane++)
            {
                partial.MaxAbsolute = Math.Max(partial.MaxAbsolute, _largest[lane]);
            }
        }

        private static Vector256<uint> Shift(uint word, Vector256<uint> shifts) => System.Runtime.Intrinsics.X86.Avx2.IsSupported
            ? System.Runtime.Intrinsics.X86.Avx2.ShiftRightLogicalVariable(Vector256.Create(word), shifts)
            : Vector256.Create(
                word >> (int)shifts[0], word >> (int)shifts[1], word >> (int)shifts[2], word >> (int)shifts[3],
                word >> (int)shifts[4], word >> (int)shifts[5], word >> (int)shifts[6], word >> (int)shifts[7]);
    }

    /// <summary>Scales and zero points of one group, by output.</summary>
    private sealed record Group(long Index, float[] Scales, float[] Zeros)
    {
        public static Group Of(PackedContent packed, long index, Group? last) => last?.Index == index ? last : Read(packed, index);

        public static Group Read(PackedContent packed, long index)
        {
            var outputs = (int)packed.Outputs;
            var (scales, zeros) = (new float[outputs], new float[outputs]);
            if (packed.Zeros is { } zeroTensor)
            {
                ReadScales(packed.Scales, index, scales);
                var words = new uint[outputs / 8];
                zeroTensor.Read(index * words.Length * sizeof(uint), MemoryMarshal.AsBytes(words.AsSpan()));
                for (var output = 0; output < outputs; output++)
                {
                    zeros[output] = words[output / 8] >> AwqShifts[output % 8] & 15;
                }
            }
            else
            {
                var words = new uint[outputs];
                packed.Scales.Read(index * outputs * sizeof(uint), MemoryMarshal.AsBytes(words.AsSpan()));
                for (var output = 0; output < outputs; output++)
                {
                    scales[output] = (float)BitConverter.UInt16BitsToHalf((ushort)(words[output] >> 16));
                    // The low half holds 64 + zero point, as the engine wants it.
                    zeros[output] = (float)BitConverter.UInt16BitsToHalf((ushort)words[output]) - 64;
                }
            }

            return new Group(index, scales, zeros);
        }

        private static void ReadScales(TensorContent tensor, long index, float[] scales)
        {
            if (tensor.DType == DType.F32)
            {
                tensor.Read(index * scales.Length * sizeof(float), MemoryMarshal.AsBytes(scales.AsSpan()));
                return;
            }

            var halves = new Half[scales.Length];
            tensor.Read(index * scales.Length * sizeof(ushort), MemoryMarshal.AsBytes(halves.AsSpan()));
            for (var i = 0; i < halves.Length; i++)
            {
                scales[i] = (float)halves[i];
            }
        }
    }
}
