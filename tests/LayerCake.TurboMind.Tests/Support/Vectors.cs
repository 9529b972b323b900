using LayerCake.Checkpoints;

namespace LayerCake.TurboMind.Tests;

/// <summary>The deterministic inputs of tests/golden/turbomind/worked-vectors.txt: all from one 32-bit hash.</summary>
internal static class Vectors
{
    public static uint Mix(params ReadOnlySpan<uint> values)
    {
        uint h = 0;
        foreach (var value in values)
        {
            h = ((h * 31) + value + 1) * 0x9E3779B1;
            h ^= h >> 15;
        }

        h *= 0x85EBCA6B;
        h ^= h >> 13;
        h *= 0xC2B2AE35;
        return h ^ (h >> 16);
    }

    public static byte Code(uint seed, int input, int output) => (byte)(Mix(seed, (uint)input, (uint)output) & 15);

    public static byte Zero(uint seed, int group, int output) => (byte)(Mix(seed, 1000 + (uint)group, (uint)output) & 15);

    public static ushort Scale(uint seed, int group, int output) => (ushort)(0x1800 + (Mix(seed, 2000 + (uint)group, (uint)output) & 0x0FFF));

    public static ushort Half(uint seed, int output) => HalfBits(Mix(seed, 3000, (uint)output));

    public static ushort Half(uint seed, int output, int input) => HalfBits(Mix(seed, 3000, (uint)output, (uint)input));

    public static T[,] Matrix<T>(int rows, int columns, Func<int, int, T> element)
    {
        var matrix = new T[rows, columns];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                matrix[row, column] = element(row, column);
            }
        }

        return matrix;
    }

    private static ushort HalfBits(uint h) => (ushort)(((h & 1) << 15) + 0x2000 + ((h >> 1) & 0x1FFF));
}
