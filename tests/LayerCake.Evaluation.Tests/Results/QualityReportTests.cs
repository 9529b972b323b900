using System.Text;
using LayerCake.Testing;

namespace LayerCake.Evaluation.Tests;

internal sealed class QualityReportTests
{
    private static readonly QualityReport s_report = Sample();

    [Test]
    public void A_report_is_read_as_it_was_written()
    {
        var bytes = QualityReportJson.Write(s_report);

        var read = QualityReportJson.Parse(bytes, "evaluation.json");

        Assert.That(QualityReportJson.Write(read), Is.EqualTo(bytes));
        Assert.That(read.Protocol, Is.EqualTo(s_report.Protocol));
        Assert.That(read.Variants[1].PerplexityByPosition[1], Is.NaN);
    }

    [TestCase("", "is no evaluation.json")]
    [TestCase("[]", "is no evaluation.json")]
    [TestCase("""{"format": 2}""", "has format 2; this program reads 1")]
    [TestCase("""{"format": 1, "protocol": {}}""", "is no evaluation.json")]
    [TestCase("""{"format": "1"}""", "is no evaluation.json")]
    public void Anything_else_is_refused(string content, string message) =>
        Assert.That(() => QualityReportJson.Parse(Encoding.UTF8.GetBytes(content), "x.json"), Throws.TypeOf<EvaluationException>().With.Message.StartsWith("x.json ").And.Message.Contains(message));

    [Test]
    public void A_broken_report_never_brings_anything_but_its_own_error()
    {
        var bytes = QualityReportJson.Write(s_report);
        for (var cut = 0; cut < bytes.Length - 2; cut += 7)
        {
            Assert.That(() => QualityReportJson.Parse(bytes.AsMemory(0, cut), "x.json"), Throws.TypeOf<EvaluationException>(), $"{cut}");
        }

        var text = Encoding.UTF8.GetString(bytes);
        foreach (var name in new[] { "perplexity", "kl_mean", "layer", "kind", "heads", "windows", "variants", "kl_max_at", "by_position" })
        {
            var broken = Encoding.UTF8.GetBytes(text.Replace($"\"{name}\": ", $"\"{name}\": [[]], \"was\": ", StringComparison.Ordinal));
            Assert.That(() => QualityReportJson.Parse(broken, "x.json"), Throws.TypeOf<EvaluationException>(), name);
        }
    }

    [Test]
    public void Figures_of_other_protocols_are_not_compared()
    {
        var other = s_report.Protocol with { Window = 128, IdsSha256 = new string('f', 64) };

        Assert.That(() => s_report.Protocol.ThrowIfDifferent(s_report.Protocol with { }, "a", "b"), Throws.Nothing);
        Assert.That(
            () => s_report.Protocol.ThrowIfDifferent(other, "a", "b"),
            Throws.TypeOf<EvaluationException>().With.Message.EqualTo(
                "The figures of a and of b cannot be compared: they were measured differently (ids_sha256 111111111111 and ffffffffffff, window 64 and 128). Measure one of them again."));
    }

    [Test]
    public void Every_part_of_a_protocol_counts()
    {
        foreach (var property in typeof(EvaluationProtocol).GetProperties().Where(property => property.CanWrite))
        {
            var other = s_report.Protocol with { };
            property.SetValue(other, property.PropertyType == typeof(string) ? "other" : property.PropertyType == typeof(int) ? 7 : (object)7L);

            Assert.That(() => other.ThrowIfDifferent(s_report.Protocol, "a", "b"), Throws.TypeOf<EvaluationException>(), property.Name);
        }
    }

    [TestCase(0.25, null, true)]
    [TestCase(0.1, null, true)]
    [TestCase(0.0999, null, false)]
    [TestCase(null, 0.2, true)]
    [TestCase(null, 0.1999, false)]
    [TestCase(0.25, 0.1, false)]
    [TestCase(null, null, true)]
    public void A_gate_lets_through_what_is_within_its_limit(double? increase, double? divergence, bool passes)
    {
        var gates = new QualityGates(increase, divergence);

        Assert.That(
            () => gates.ThrowIfFailed(s_report, "demo"),
            passes ? Throws.Nothing : Throws.TypeOf<QualityGateException>().With.Message.StartsWith("demo lost more than it may: ").And.Message.Contains("int4").And.Message.Contains("perplexity"));
    }

    [Test]
    public void A_figure_that_is_no_number_keeps_no_limit()
    {
        var broken = s_report with { Variants = [s_report.Variants[0], s_report.Variants[1] with { Perplexity = double.NaN, MeanDivergence = double.NaN }] };

        Assert.That(() => new QualityGates(100, null).ThrowIfFailed(broken, "demo"), Throws.TypeOf<QualityGateException>());
        Assert.That(() => new QualityGates(null, 100).ThrowIfFailed(broken, "demo"), Throws.TypeOf<QualityGateException>());
    }

    [Test]
    public void The_table_is_Markdown_whatever_a_variant_is_called()
    {
        var report = s_report with { Variants = [s_report.Variants[0], s_report.Variants[1] with { Name = "a|b\nc" }] };

        var text = QualityTable.Markdown(report, "Evaluation");

        Assert.That(text, Does.Contain("| a\\|b c | int4 | float16 | 22.000 | +10.00 % | 0.2 |"));
        Assert.That(text.Split('\n').Where(line => line.StartsWith('|')), Has.All.Matches<string>(line => line!.EndsWith('|')));
    }

    private static QualityReport Sample()
    {
        var source = new VariantFigures
        {
            Name = "source", Weights = "float16", Cache = "float16", Perplexity = 20, MeanDivergence = 0, LargestDivergence = 0, LargestWindow = 0, LargestPosition = 0, TopAgreement = 1,
            WeightBytes = 1000, CacheBytesPerToken = 64, PerplexityByPosition = [21, 19], DivergenceByPosition = [0, 0],
        };
        return new QualityReport
        {
            Protocol = new EvaluationProtocol
            {
                DatasetSha256 = new string('0', 64), IdsSha256 = new string('1', 64), Window = 64, Stride = 63, Bos = "none", Windows = 2, Tokens = 126, DType = "float16", Device = "cpu", Numerics = "cpu-2",
            },
            Variants = [source, source with { Name = "int4", Weights = "int4", Perplexity = 22, MeanDivergence = 0.2, PerplexityByPosition = [23, double.NaN] }],
            Layers = [new LayerFigures(0, "int4", 0.125, 0.25, new Dictionary<string, double> { ["mlp.up_proj"] = 0.1 }), new LayerFigures(0, "int4 + int8 KV", 0.13, null, new Dictionary<string, double>())],
            CacheVariant = "int4",
            CacheTokens = 128,
            Heads = [new HeadErrors(0, KeyValueKind.Key, 0, 0.01, 0.011, 0.2, 0.21, 0.012), new HeadErrors(0, KeyValueKind.Value, 0, 0.01, 0.011, 0.2, 0.21, null)],
            Outliers = [new OutlierChannel(0, KeyValueKind.Value, 0, 5, 90, 3, 0.9, 0.1)],
            ContextLength = 2056,
        };
    }
}
