using System.Text.Json;
using System.Text.RegularExpressions;
using LayerCake.Quantization;
using LayerCake.Testing;

namespace LayerCake.Calibration.Tests;

/// <summary>Against the statistics that the original's calibrate wrote on a GPU.</summary>
internal sealed partial class GoldenStatisticsTests
{
    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void Statistics_agree_with_the_GPU_run_within_twice_what_the_original_deviates_itself(string name)
    {
        using var model = new GoldenModel(name);
        var golden = StatisticsFiles.Read(RepositoryFiles.Golden(name, "work_dir"));
        var tolerances = JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(RepositoryFiles.Golden(name, "cpu_vs_cuda_deviation.json")))!;

        var deviations = StatisticsComparison.Deviations(Calibrator.Run(model.Request), golden);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(deviations.Keys, Is.EquivalentTo(tolerances.Keys));
            foreach (var (statistic, deviation) in deviations)
            {
                Assert.That(deviation, Is.LessThanOrEqualTo(2 * tolerances[statistic]), $"{statistic}: {deviation:g3} of {tolerances[statistic]:g3}");
            }
        }
    }

    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void Modules_come_in_the_order_of_the_original(string name)
    {
        using var model = new GoldenModel(name);
        var golden = StatisticsFiles.Read(RepositoryFiles.Golden(name, "work_dir"));

        var statistics = Calibrator.Run(model.Request with { Samples = model.Samples[..1] });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(statistics.Inputs.Keys, Is.EqualTo(golden.Inputs.Keys));
            Assert.That(statistics.Outputs.Keys, Is.EqualTo(golden.Outputs.Keys));
            Assert.That(statistics.Keys.Keys, Is.EqualTo(golden.Keys.Keys));
            Assert.That(statistics.Values.Keys, Is.EqualTo(golden.Values.Keys));
        }
    }

    [TestCaseSource(typeof(GoldenModel), nameof(GoldenModel.Names))]
    public void The_lines_of_the_original_are_reported_once_per_layer(string name)
    {
        using var model = new GoldenModel(name);
        var lines = new List<string>();
        var progress = new Progress(report =>
        {
            if (report.CompletedLine is { } line)
            {
                lines.Add(line);
            }
        });

        Calibrator.Run(model.Request, progress);

        // How much GPU memory was used is the one thing that may differ.
        var expected = File.ReadAllLines(RepositoryFiles.Golden(name, "calibrate.log")).Select(line => Memory().Replace(line, ": 0.00 GB"));
        Assert.That(lines, Is.EqualTo(expected));
    }

    [GeneratedRegex(@": \d+\.\d\d GB$")]
    private static partial Regex Memory();
}
