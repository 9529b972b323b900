using System.Globalization;
using LayerCake.Quantization.KeyValue;

namespace LayerCake.Quantization.Tests.KeyValue;

public sealed class PythonFloatTests
{
    // Each as CPython prints it.
    [TestCase(0, "0.0")]
    [TestCase(-0.0, "-0.0")]
    [TestCase(3, "3.0")]
    [TestCase(-65504, "-65504.0")]
    [TestCase(0.10076904296875, "0.10076904296875")]
    [TestCase(0.0001, "0.0001")]
    [TestCase(0.000099999, "9.9999e-05")]
    [TestCase(1.0013580322265625e-05, "1.0013580322265625e-05")]
    [TestCase(5.960464477539063e-08, "5.960464477539063e-08")]
    [TestCase(1e-7, "1e-07")]
    [TestCase(123456789.125, "123456789.125")]
    [TestCase(1e15, "1000000000000000.0")]
    [TestCase(1234567890123456, "1234567890123456.0")]
    [TestCase(1e16, "1e+16")]
    [TestCase(1.5e300, "1.5e+300")]
    [TestCase(0.1, "0.1")]
    [TestCase(100.5, "100.5")]
    [TestCase(double.PositiveInfinity, "inf")]
    [TestCase(double.NegativeInfinity, "-inf")]
    [TestCase(double.NaN, "nan")]
    public void Numbers_print_as_Python_prints_them(double value, string expected)
    {
        Assert.That(PythonFloat.Repr(value), Is.EqualTo(expected));
    }

    [Test]
    public void Every_float16_reads_back()
    {
        var wrong = Enumerable.Range(0, 0x7C00)
            .Select(bits => (double)BitConverter.UInt16BitsToHalf((ushort)bits))
            .Count(value => double.Parse(PythonFloat.Repr(value), CultureInfo.InvariantCulture) != value);

        Assert.That(wrong, Is.Zero);
    }
}
