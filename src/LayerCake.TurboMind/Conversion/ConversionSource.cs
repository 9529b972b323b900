using System.Text.Json;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>A model to convert: its config.json and its tensors. Owns neither.</summary>
/// <param name="ConfigurationPath">config.json, as errors name it.</param>
/// <param name="Configuration">Its root object.</param>
/// <param name="Weights">The checkpoint's tensors; for <c>--quant_path</c> those of that folder.</param>
public sealed record ConversionSource(string ConfigurationPath, JsonElement Configuration, ITensorSource Weights)
{
    /// <summary>The model in a folder.</summary>
    /// <param name="model">config.json, and the weights unless others are given.</param>
    /// <param name="weights">Weights from elsewhere: <c>--quant_path</c>.</param>
    public static ConversionSource From(HuggingFaceFolder model, ITensorSource? weights = null) =>
        new(Path.Combine(model.Path, "config.json"), model.Config, weights ?? model.Weights);
}
