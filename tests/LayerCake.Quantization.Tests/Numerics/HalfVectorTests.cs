using System.Runtime.Intrinsics;
using LayerCake.Quantization.Numerics;

namespace LayerCake.Quantization.Tests.Numerics;

public sealed unsafe class HalfVectorTests
{
    [Test]
    public void Every_finite_float16_is_widened_exactly_and_narrowed_back()
    {
        var source = stackalloc ushort[16];
        var back = stackalloc ushort[16];
        var wrong = 0;
        for (var first = 0; first < 0x10000; first += 16)
        {
            if ((first & 0x7C00) == 0x7C00)
            {
                continue;
            }

            for (var lane = 0; lane < 16; lane++)
            {
                source[lane] = (ushort)(first + lane);
            }

            var wide = HalfVectors.Widen(source);
            HalfVectors.Narrow(wide, back);
            for (var lane = 0; lane < 16; lane++)
            {
                var expected = (float)BitConverter.UInt16BitsToHalf(source[lane]);
                wrong += BitConverter.SingleToUInt32Bits(wide[lane]) == BitConverter.SingleToUInt32Bits(expected) && back[lane] == source[lane] ? 0 : 1;
            }
        }

        Assert.That(wrong, Is.Zero);
    }

    [Test]
    public void Narrowing_rounds_as_the_runtime_does_between_around_and_beyond_all_values()
    {
        var wrong = 0;
        var destination = stackalloc ushort[16];
        var random = new Random(2);
        for (var round = 0; round < 20_000; round++)
        {
            var values = new float[16];
            for (var lane = 0; lane < 16; lane++)
            {
                // Bits near a float16 value or a tie between two of them, and anything at all.
                var near = BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf((ushort)random.Next(0x7C00)));
                var bits = (lane % 3) switch
                {
                    0 => near + (uint)random.Next(-2, 3),
                    1 => near + 0x1000 + (uint)random.Next(-2, 3),
                    _ => (uint)random.Next(0x7F80_0000),
                };
                values[lane] = (random.Next(2) == 0 ? 1 : -1) * BitConverter.UInt32BitsToSingle(bits & 0x7FFF_FFFF);
                values[lane] = float.IsFinite(values[lane]) ? values[lane] : 0;
            }

            HalfVectors.Narrow(Vector512.Create(values), destination);
            for (var lane = 0; lane < 16; lane++)
            {
                wrong += destination[lane] == BitConverter.HalfToUInt16Bits((Half)values[lane]) ? 0 : 1;
            }
        }

        Assert.That(wrong, Is.Zero);
    }

    [Test]
    public void Rounding_in_place_equals_a_trip_through_float16()
    {
        var random = new Random(4);
        for (var round = 0; round < 5000; round++)
        {
            var values = Enumerable.Range(0, 16)
                .Select(lane => (float)Math.Pow(2, (random.NextDouble() * 31) - 26) * (lane == 0 ? 1 + (1 / 2048f) : 1))
                .ToArray();

            var rounded = HalfVectors.RoundToHalf(Vector512.Create(values));

            Assert.That(Enumerable.Range(0, 16).Select(lane => rounded[lane]), Is.EqualTo(values.Select(value => (float)(Half)value)));
        }
    }

    [TestCase(0)]
    [TestCase(31)]
    [TestCase(32)]
    [TestCase(69)]
    public void The_first_value_that_is_not_finite_is_found_at_every_place(int place)
    {
        var values = new Half[70];
        values[place] = Half.NaN;
        values[69] = Half.NegativeInfinity;
        using var matrix = HalfMatrix.From("w", 1, 70, values);

        Assert.That(HalfVectors.IndexOfNonFinite(matrix.Pointer, 70), Is.EqualTo(place));
        Assert.That(HalfVectors.IndexOfNonFinite(matrix.Pointer, place), Is.EqualTo(-1));
    }
}
