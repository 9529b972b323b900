namespace LayerCake.TurboMind.Tests;

[TestFixture]
public sealed class PythonNumberTests
{
    [TestCase("1", "1")]
    [TestCase("1.0", "1.0")]
    [TestCase("1e-6", "1e-06")]
    [TestCase("1E5", "100000.0")]
    public void A_JSON_number_keeps_whether_it_is_an_integer(string json, string text) =>
        Assert.That(PythonNumber.From(System.Text.Json.JsonDocument.Parse(json).RootElement).ToString(), Is.EqualTo(text));
}
