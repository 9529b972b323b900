using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.Kernels.Tests;

internal sealed unsafe class Int4MatrixTests
{
    [Test]
    public void A_weight_is_code_less_zero_times_scale_rounded_to_float16([Values(0, 3, 8, 15)] int zero)
    {
        // Every mantissa of a scale, at exponents from the smallest normal one to one whose products stay in range: a lane is a column with a scale of its own.
        for (var bits = 0x0400; bits < 0x6C00; bits += bits is > 0x0800 and < 0x6800 ? 37 : 1)
        {
            if (Weights((ushort)bits, zero) is var (actual, expected) && !actual.AsSpan().SequenceEqual(expected))
            {
                Assert.Fail($"scale 0x{bits:x4}: {string.Join(' ', actual)} in place of {string.Join(' ', expected)}");
            }
        }
    }

    [Test]
    public void A_subnormal_scale_acts_as_zero() => Assert.That(Weights(0x03FF, 2).Actual, Is.All.Zero);

    [TestCase("attention.w_qkv", 768)]
    [TestCase("attention.wo", 256)]
    [TestCase("feed_forward.w13", 512)]
    [TestCase("feed_forward.w2", 256)]
    public void Products_agree_with_the_engines_own_within_what_the_order_of_summation_allows(string linear, int outputs)
    {
        const int Inputs = 256;
        using var matrix = ReadWorkspace(linear, Inputs, outputs);
        using var golden = SafetensorsFile.Open(RepositoryFiles.Golden("engine_kernels.safetensors"));
        using var pool = new WorkerPool(2);
        using var product = new MatrixProduct<Float16Type>(pool);
        foreach (var rows in new[] { 1, 3, 16 })
        {
            var x = Halves(golden, $"int4.{linear}.plain.n{rows}.x");
            var expected = Halves(golden, $"int4.{linear}.plain.n{rows}.y");
            var actual = new float[rows * outputs];
            fixed (float* from = x, to = actual)
            {
                product.Multiply(matrix, from, Inputs, rows, to, outputs);
            }

            var equal = 0;
            for (var i = 0; i < actual.Length; i++)
            {
                // Two sums of 256 float32 terms in any order differ by at most 2 · 256 · 2^-24 of the sum of magnitudes; each is then rounded to float16.
                var bound = (2 * Inputs * MathF.ScaleB(1, -24) * Magnitude(matrix, x, i / outputs, i % outputs)) + (MathF.Abs(expected[i]) * MathF.ScaleB(1, -10)) + MathF.ScaleB(1, -24);
                Assert.That(actual[i], Is.EqualTo(expected[i]).Within(bound), $"{rows} rows, element {i}");
                equal += actual[i] == expected[i] ? 1 : 0;
            }

            Assert.That(equal, Is.GreaterThan(0.98 * actual.Length), "most are equal: only a sum beside a tie can be rounded the other way");
        }
    }

    internal static uint ScaleWord(Half scale, int zero) =>
        ((uint)BitConverter.HalfToUInt16Bits(scale) << 16) | BitConverter.HalfToUInt16Bits((Half)(64 + zero));

    /// <summary>The 16 weights that a scale and zero make, as the kernel and as float16 arithmetic have them.</summary>
    private static (float[] Actual, float[] Expected) Weights(ushort scale, int zero)
    {
        using var matrix = new Int4Matrix(32, 32, 32);
        var words = stackalloc uint[128];
        Span<int> outputs = stackalloc int[32];
        for (var column = 0; column < 32; column++)
        {
            outputs[column] = column;
            matrix.SetScale(ScaleWord(BitConverter.UInt16BitsToHalf(scale), zero), 0, column);
        }

        for (var input = 0; input < 16; input++)
        {
            // Column 0 has code i at input i: word 4·(i div 2 mod 4) + 2·(i div 16), nibble 4·(i mod 2) + 2·(i div 8).
            words[4 * (input / 2 % 4)] |= (uint)input << (4 * ((4 * (input % 2)) + (2 * (input / 8))));
        }

        matrix.SetTile(words, 0, outputs);
        var expanded = stackalloc float[32 * 32];
        matrix.Expand(0, 0, 32, expanded);
        var actual = new float[16];
        var expected = new float[16];
        for (var code = 0; code < 16; code++)
        {
            actual[code] = expanded[code * 32];
            expected[code] = (float)((Half)(float)(code - zero) * BitConverter.UInt16BitsToHalf(scale));
        }

        return (actual, expected);
    }

    private static Int4Matrix ReadWorkspace(string linear, int inputs, int outputs)
    {
        var words = MemoryMarshal.Cast<byte, uint>(Read("qweight"));
        var scales = MemoryMarshal.Cast<byte, uint>(Read("scales_zeros"));
        var matrix = new Int4Matrix(inputs, outputs, 128);
        Span<int> places = stackalloc int[32];
        for (var tile = 0; tile < inputs * outputs / 1024; tile++)
        {
            for (var i = 0; i < 32; i++)
            {
                places[i] = (tile % (outputs / 32) * 32) + i;
            }

            fixed (uint* from = words)
            {
                matrix.SetTile(from + (tile * 128), tile / (outputs / 32) * 32, places);
            }
        }

        for (var i = 0; i < scales.Length; i++)
        {
            matrix.SetScale(scales[i], i / outputs, i % outputs);
        }

        return matrix;

        byte[] Read(string extension) => File.ReadAllBytes(RepositoryFiles.Golden("internlm", "weights_w4_tp1", $"layers.0.{linear}.0.{extension}"));
    }

    private static float Magnitude(Int4Matrix matrix, float[] x, int row, int column)
    {
        var weights = new float[matrix.Inputs * 32];
        fixed (float* to = weights)
        {
            matrix.Expand(column / 32, 0, matrix.Inputs, to);
        }

        var sum = 0f;
        for (var k = 0; k < matrix.Inputs; k++)
        {
            sum += MathF.Abs(x[(row * matrix.Inputs) + k] * weights[(k * 32) + (column % 32)]);
        }

        return sum;
    }

    private static float[] Halves(ITensorSource source, string name)
    {
        var bytes = new byte[source.Find(name).ByteCount];
        source.Read(name, 0, bytes);
        return [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(half => (float)half)];
    }
}
