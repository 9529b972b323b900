using System.Globalization;
using System.Text.RegularExpressions;
using CsCheck;

namespace LayerCake.Checkpoints.Tests.Python;

[TestFixture]
public sealed class PythonFloatTests
{
    [TestCase(1e-06, "1e-06")]
    [TestCase(1e-05, "1e-05")]
    [TestCase(0.0001, "0.0001")]
    [TestCase(0.00012345, "0.00012345")]
    [TestCase(1.5e-05, "1.5e-05")]
    [TestCase(0.5, "0.5")]
    [TestCase(0.0, "0.0")]
    [TestCase(-0.0, "-0.0")]
    [TestCase(1.0, "1.0")]
    [TestCase(-2.5, "-2.5")]
    [TestCase(10000.0, "10000.0")]
    [TestCase(1000000.0, "1000000.0")]
    [TestCase(123456789012345680.0, "1.2345678901234568e+17")]
    [TestCase(1234567890123456.0, "1234567890123456.0")]
    [TestCase(9007199254740993.0, "9007199254740992.0")]
    [TestCase(1e15, "1000000000000000.0")]
    [TestCase(1e16, "1e+16")]
    [TestCase(1e22, "1e+22")]
    [TestCase(1e100, "1e+100")]
    [TestCase(1.7976931348623157e308, "1.7976931348623157e+308")]
    [TestCase(5e-324, "5e-324")]
    [TestCase(0.1, "0.1")]
    [TestCase(0.056243896484375, "0.056243896484375")]
    [TestCase(123.456, "123.456")]
    [TestCase(double.NaN, "nan")]
    [TestCase(double.PositiveInfinity, "inf")]
    [TestCase(double.NegativeInfinity, "-inf")]
    [TestCase(3, "3.0")]
    [TestCase(-65504, "-65504.0")]
    [TestCase(0.10076904296875, "0.10076904296875")]
    [TestCase(0.000099999, "9.9999e-05")]
    [TestCase(1.0013580322265625e-05, "1.0013580322265625e-05")]
    [TestCase(5.960464477539063e-08, "5.960464477539063e-08")]
    [TestCase(1e-7, "1e-07")]
    [TestCase(123456789.125, "123456789.125")]
    [TestCase(1.5e300, "1.5e+300")]
    [TestCase(100.5, "100.5")]
    public void A_number_is_written_as_Python_writes_it(double value, string text) => Assert.That(PythonFloat.Format(value), Is.EqualTo(text));

    [Test]
    public void Any_number_reads_back_exactly_and_has_Pythons_form()
    {
        var form = new Regex(@"^-?(\d{1,16}\.\d+|\d(\.\d+)?e[+-]\d{2,3})$");
        Gen.Double.Where(double.IsFinite).Sample(value =>
        {
            var text = PythonFloat.Format(value);
            return form.IsMatch(text) && double.Parse(text, CultureInfo.InvariantCulture).Equals(value);
        });
    }

    [Test]
    public void Every_float16_reads_back()
    {
        var wrong = Enumerable.Range(0, 0x7C00)
            .Select(bits => (double)BitConverter.UInt16BitsToHalf((ushort)bits))
            .Count(value => double.Parse(PythonFloat.Format(value), CultureInfo.InvariantCulture) != value);

        Assert.That(wrong, Is.Zero);
    }
}
