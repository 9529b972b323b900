using LayerCake.Testing;

namespace LayerCake.Quantization.Tests;

public sealed class WeightErrorFileTests
{
    [Test]
    public void Errors_are_written_as_root_mean_squares_and_read_back()
    {
        using var folder = new TemporaryFolder();

        WeightErrorFile.Write(folder.Path, [new LinearError("model.layers.0.mlp.up_proj", 0.01), new LinearError("model.layers.0.mlp.down_proj", 2.0 / 9)]);

        Assert.That(File.ReadAllText(folder.At(WeightErrorFile.Name)), Is.EqualTo("linear\trelative_rms_error\nmodel.layers.0.mlp.up_proj\t0.1\nmodel.layers.0.mlp.down_proj\t0.471405\n"));
        Assert.That(WeightErrorFile.Read(folder.At(WeightErrorFile.Name)).Select(error => error.Value), Is.EqualTo(new[] { 0.1, 0.471405 }));
    }

    [TestCase("")]
    [TestCase("name\terror\n")]
    [TestCase("linear\trelative_rms_error\nx\n")]
    [TestCase("linear\trelative_rms_error\nx\t-1\n")]
    [TestCase("linear\trelative_rms_error\nx\tNaN\n")]
    public void What_is_no_table_of_errors_is_refused(string text)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At(WeightErrorFile.Name), text);

        Assert.That(() => WeightErrorFile.Read(folder.At(WeightErrorFile.Name)), Throws.TypeOf<QuantizationException>().With.Message.Contains("Run auto_awq again"));
    }
}
