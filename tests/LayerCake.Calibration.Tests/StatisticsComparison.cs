using LayerCake.Quantization;

namespace LayerCake.Calibration.Tests;

/// <summary>Compares two calibrations as the golden data's cpu_vs_cuda_deviation.json was made.</summary>
internal static class StatisticsComparison
{
    /// <summary>Every statistic of every module: ("inputs_stats.max", module, values).</summary>
    public static IEnumerable<(string Statistic, string Module, Half[] Values)> All(CalibrationStatistics statistics)
    {
        foreach (var (file, modules) in (IEnumerable<(string, OrderedDictionary<string, ActivationStatistics>)>)[("inputs_stats", statistics.Inputs), ("outputs_stats", statistics.Outputs)])
        {
            foreach (var (module, values) in modules)
            {
                yield return ($"{file}.max", module, values.Max);
                yield return ($"{file}.min", module, values.Min);
                yield return ($"{file}.mean", module, values.Mean);
                yield return ($"{file}.absmax", module, values.AbsMax);
                yield return ($"{file}.absmean", module, values.AbsMean);
            }
        }

        foreach (var (file, layers) in (IEnumerable<(string, OrderedDictionary<string, KeyValueStatistics>)>)[("key_stats", statistics.Keys), ("value_stats", statistics.Values)])
        {
            foreach (var (layer, values) in layers)
            {
                yield return ($"{file}.max", layer, values.Max);
                yield return ($"{file}.min", layer, values.Min);
                yield return ($"{file}.absmax", layer, values.AbsMax);
            }
        }
    }

    /// <summary>
    /// The largest deviation of each statistic over all modules: max |a − b| / (max |b| + 10^-6), both maxima over the module's channels. That this is the measure of
    /// cpu_vs_cuda_deviation.json shows in its numbers: 0.0014716701116412878, for example, is 2^-7 / (5.30859375 + 10^-6), and 5.30859375 is the largest
    /// magnitude of min in internlm's layer 1 input norm. An elementwise ratio fits none of them.
    /// </summary>
    public static Dictionary<string, double> Deviations(CalibrationStatistics actual, CalibrationStatistics expected)
    {
        var deviations = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var (a, b) in All(actual).Zip(All(expected)))
        {
            Assert.That((a.Statistic, a.Module, a.Values.Length), Is.EqualTo((b.Statistic, b.Module, b.Values.Length)));
            var largest = b.Values.Max(value => Math.Abs((double)value));
            var difference = a.Values.Zip(b.Values).Max(pair => Math.Abs((double)pair.First - (double)pair.Second));
            deviations[a.Statistic] = Math.Max(deviations.GetValueOrDefault(a.Statistic), difference / (largest + 1e-6));
        }

        return deviations;
    }

    /// <summary>All bits of all statistics, for comparing exactly.</summary>
    public static ushort[] Bits(CalibrationStatistics statistics) =>
        [.. All(statistics).SelectMany(entry => entry.Values).Select(BitConverter.HalfToUInt16Bits)];
}
