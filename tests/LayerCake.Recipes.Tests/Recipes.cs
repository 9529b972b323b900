namespace LayerCake.Recipes.Tests;

/// <summary>Recipe texts that tests start from.</summary>
internal static class Recipes
{
    public const string Full = """
        name: demo
        engine: lmdeploy 0.1.0
        model:
          name: internlm-chat-7b
          source: models/internlm-tiny
        calibrate:
          dataset: data/prose.txt
          samples: 64
          sequence_length: 512
          seed: 0
        kv_qparams: { cache: int8, symmetric: false }
        auto_awq: { bits: 4, group_size: 128 }
        convert: { tensor_parallel: 1 }
        package: {}
        """;

    /// <summary>Only what a recipe cannot do without.</summary>
    public const string Least = """
        name: demo
        model:
          name: llama2
          source: models/llama
        """;

    public static Recipe Parse(string text, params string[] overrides) => RecipeReader.Parse(text, "demo.yaml", Path.GetTempPath(), overrides);

    /// <summary>The printed faults of a text that is none.</summary>
    public static string Refused(string text, params string[] overrides) =>
        Assert.Throws<RecipeException>(() => Parse(text, overrides))!.Message;
}
