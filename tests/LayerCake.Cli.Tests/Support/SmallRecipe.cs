using LayerCake.Testing;

namespace LayerCake.Cli.Tests;

/// <summary>A recipe with all five steps, as text.</summary>
internal static class SmallRecipe
{
    public static string Text(string model = "model", string dataset = "text.txt", int groupSize = 128, int samples = 1, int sequenceLength = 16) =>
        $$"""
        name: small
        engine: lmdeploy 0.1.0
        model:
          name: internlm-chat-7b
          source: {{model}}
        calibrate:
          dataset: {{dataset}}
          samples: {{samples}}
          sequence_length: {{sequenceLength}}
        kv_qparams: { cache: int8, symmetric: false }
        auto_awq: { bits: 4, group_size: {{groupSize}}, method: lmdeploy }
        convert: { tensor_parallel: 1 }
        package: {}

        """;

    /// <summary>Writes recipe.yaml and a text to calibrate on.</summary>
    public static void WriteTo(TemporaryFolder folder, string model = "model", string dataset = "text.txt")
    {
        File.WriteAllText(folder.At("recipe.yaml"), Text(model, dataset));
        WriteText(folder);
    }

    /// <summary>text.txt, long enough for a few short samples.</summary>
    public static void WriteText(TemporaryFolder folder) =>
        File.WriteAllText(folder.At("text.txt"), string.Concat(Enumerable.Repeat("The quick brown fox jumps over the lazy dog.\n\n", 40)));
}
