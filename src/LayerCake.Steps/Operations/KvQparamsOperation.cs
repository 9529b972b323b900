using LayerCake.Quantization;

namespace LayerCake.Steps;

/// <summary>kv_qparams, as a step of a recipe and as a command.</summary>
public static class KvQparamsOperation
{
    /// <summary>Reads <c>key_stats.pth</c> and <c>value_stats.pth</c> and writes one file a layer and rank into an existing folder.</summary>
    /// <param name="statisticsFolder">What calibrate wrote; the original's files are read too.</param>
    /// <param name="outputFolder">Where the <c>past_kv_scale</c> files go.</param>
    /// <param name="options">Symmetric or not, tensor-parallel degree, bits.</param>
    /// <param name="line">Gets the lines the original prints.</param>
    public static void Run(string statisticsFolder, string outputFolder, KeyValueOptions options, Action<string> line)
    {
        var parameters = KeyValueParameters.Compute(
            StatisticsFiles.ReadKeys(statisticsFolder), StatisticsFiles.ReadValues(statisticsFolder), options);
        KeyValueParameters.Write(outputFolder, parameters, line);
    }
}
