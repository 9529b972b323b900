using System.Runtime.Intrinsics;

namespace LayerCake.Kernels.Tests;

internal sealed class ExponentialTests
{
    [Test]
    public void Exp_is_within_two_units_in_the_last_place()
    {
        double worst = 0;
        for (var i = 0; i < 200_000; i++)
        {
            var x = -87f + (i * (175f / 200_000));
            var exact = Math.Exp(x);
            var actual = Exponential.Of(Vector512.Create(x))[0];
            worst = Math.Max(worst, Math.Abs(actual - exact) / (MathF.BitIncrement((float)exact) - (double)(float)exact));
        }

        Assert.That(worst, Is.LessThan(2));
    }

    [TestCase(0f, 1f)]
    [TestCase(float.NegativeInfinity, 0f)]
    [TestCase(-65504f, 0f)]
    public void Exp_of_special_values_is_right_after_rounding_to_float16(float x, float expected)
    {
        Assert.That((float)(Half)Exponential.Of(Vector512.Create(x))[5], Is.EqualTo(expected));
    }

    [Test]
    public void Exp_of_what_is_not_a_number_is_not_a_number_and_of_huge_values_is_huge()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Exponential.Of(Vector512.Create(float.NaN))[0], Is.NaN);
            Assert.That(Exponential.Of(Vector512.Create(65504f))[0], Is.GreaterThan(1e38f));
        }
    }
}
