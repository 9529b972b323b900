using System.Runtime.Intrinsics;

namespace LayerCake.Kernels.Tests;

internal sealed unsafe class Float16LanesTests
{
    [Test]
    public void Every_float16_value_survives_loading_and_storing()
    {
        var all = Enumerable.Range(0, 65536).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits)).Where(value => !Half.IsNaN(value)).ToArray();
        var wide = new float[all.Length];
        var back = new Half[all.Length];

        fixed (Half* from = all, to = back)
        fixed (float* middle = wide)
        {
            Float16Lanes.Load(from, middle, all.Length);
            Float16Lanes.Store(middle, to, all.Length);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(wide, Is.EqualTo(all.Select(value => (float)value)));
            Assert.That(back.Select(BitConverter.HalfToUInt16Bits), Is.EqualTo(all.Select(BitConverter.HalfToUInt16Bits)));
        }
    }

    [Test]
    public void Not_a_number_stays_one_when_loaded_and_rounded()
    {
        var values = Enumerable.Repeat(Half.NaN, 16).ToArray();
        fixed (Half* pointer = values)
        {
            var loaded = Float16Lanes.Load(pointer);

            Assert.That(float.IsNaN(loaded[3]) && float.IsNaN(Float16Lanes.Round(loaded)[3]), Is.True);
        }
    }

    [Test]
    public void Rounding_equals_the_conversion_to_Half_at_and_around_every_boundary()
    {
        // Every float16 value, every midpoint, and what lies one float32 step beside them.
        var wrong = new List<float>();
        for (var bits = 0; bits < 0x7c00; bits++)
        {
            var value = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            var next = bits == 0x7bff ? 65536f : (float)BitConverter.UInt16BitsToHalf((ushort)(bits + 1));
            foreach (var center in (float[])[value, (value + next) / 2])
            {
                foreach (var candidate in (float[])[center, MathF.BitIncrement(center), MathF.BitDecrement(center)])
                {
                    Check(candidate, wrong);
                    Check(-candidate, wrong);
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void Rounding_equals_the_conversion_to_Half_for_any_float32()
    {
        var random = new Random(7);
        var wrong = new List<float>();
        for (var i = 0; i < 300_000; i++)
        {
            Check(BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)), wrong);
        }

        Assert.That(wrong, Is.Empty);
    }

    private static void Check(float value, List<float> wrong)
    {
        var expected = (float)(Half)value;
        var actual = Float16Lanes.Round(Vector512.Create(value))[0];
        var same = float.IsNaN(expected) ? float.IsNaN(actual) : BitConverter.SingleToInt32Bits(actual) == BitConverter.SingleToInt32Bits(expected);
        if (!same)
        {
            wrong.Add(value);
        }
    }
}
