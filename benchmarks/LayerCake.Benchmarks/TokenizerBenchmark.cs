using BenchmarkDotNet.Attributes;
using LayerCake.Text;

namespace LayerCake.Benchmarks;

/// <summary>The embedded model's tokenizer over its calibration text (620 kB).</summary>
public class TokenizerBenchmark
{
    private SentencePieceTokenizer _tokenizer = null!;
    private string _text = "";

    [GlobalSetup]
    public void Load()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Pipeline.sln")))
        {
            root = Path.GetDirectoryName(root) ?? throw new InvalidOperationException("Run from within the checkout.");
        }

        _tokenizer = SentencePieceTokenizer.Load(Path.Combine(root, "recipes", "models", "internlm-tiny", "tokenizer.model"));
        _text = CalibrationText.Load(Path.Combine(root, "recipes", "data", "prose-calibration.txt")).Text;
    }

    [Benchmark(Description = "encode 620 kB of prose")]
    public int Encode() => _tokenizer.Encode(_text).Length;
}
