using System.Globalization;
using System.Text.RegularExpressions;

namespace LayerCake.Quantization.Awq;

/// <summary>File names of weights, as Transformers gives them.</summary>
internal static partial class ShardNames
{
    public static string Extension(WeightFormat format) => format == WeightFormat.Safetensors ? ".safetensors" : ".bin";

    public static string Index(WeightFormat format) => $"{Stem(format)}{Extension(format)}.index.json";

    /// <param name="format">Decides stem and extension.</param>
    /// <param name="number">From 1.</param>
    /// <param name="count">Shards in all; one has no number in its name.</param>
    public static string Shard(WeightFormat format, int number, int count) => count == 1
        ? $"{Stem(format)}{Extension(format)}"
        : string.Create(CultureInfo.InvariantCulture, $"{Stem(format)}-{number:00000}-of-{count:00000}{Extension(format)}");

    /// <summary>Whether an earlier run may have written the file, so that this one replaces it.</summary>
    public static bool IsOurs(string fileName) => Ours().IsMatch(fileName);

    private static string Stem(WeightFormat format) => format == WeightFormat.Safetensors ? "model" : "pytorch_model";

    [GeneratedRegex(@"^(model(-\d{5}-of-\d{5})?\.safetensors|pytorch_model(-\d{5}-of-\d{5})?\.bin)(\.index\.json)?$", RegexOptions.CultureInvariant)]
    private static partial Regex Ours();
}
