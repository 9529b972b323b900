using System.Text.Json;
using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization;

namespace LayerCake.Benchmarks;

/// <summary>A Llama checkpoint of 7B-like layers (4096 wide, 11008 inside) with random float16 weights, and statistics for auto_awq.</summary>
internal static class SyntheticCheckpoint
{
    private const int Hidden = 4096;
    private const int Intermediate = 11008;
    private const int Vocabulary = 4096;
    private const long LayerBytes = 2L * ((4L * Hidden * Hidden) + (3L * Hidden * Intermediate));

    public static void Write(string folder, double gigabytes)
    {
        Directory.CreateDirectory(folder);
        var layers = (int)Math.Max(1, Math.Round(gigabytes * 1e9 / LayerBytes));
        File.WriteAllText(Path.Combine(folder, "config.json"), Configuration(layers));
        using var parsed = JsonDocument.Parse(Configuration(layers));
        var configuration = ModelConfiguration.Parse(parsed.RootElement, "config.json");

        var random = new Random(1);
        var noise = new byte[64 << 20];
        FillWithWeights(noise, random);
        var tensors = ModelLayout.Tensors(configuration).Select(tensor => TensorInfo.Of(tensor.Name, DType.F16, [.. tensor.Shape])).ToList();
        using (var writer = SafetensorsWriter.Create(Path.Combine(folder, "model.safetensors"), tensors, new Dictionary<string, string> { ["format"] = "pt" }))
        {
            foreach (var tensor in tensors)
            {
                for (var done = 0L; done < tensor.ByteCount;)
                {
                    var count = (int)Math.Min(noise.Length / 2, tensor.ByteCount - done);
                    writer.WriteChunk(tensor.Name, noise.AsSpan(2 * random.Next(noise.Length / 4), count));
                    done += count;
                }
            }

            writer.Complete();
        }

        var statistics = CalibrationStatistics.For(configuration);
        foreach (var (_, input) in statistics.Inputs)
        {
            var magnitudes = Enumerable.Range(0, input.Channels).Select(_ => (Half)(0.1 + (random.NextDouble() * 4))).ToArray();
            input.Update(magnitudes, [.. magnitudes.Select(value => -value)], new Half[input.Channels], magnitudes, magnitudes);
        }

        Directory.CreateDirectory(Path.Combine(folder, "statistics"));
        StatisticsFiles.Write(Path.Combine(folder, "statistics"), statistics);
        Console.WriteLine($"{layers} layers, {new FileInfo(Path.Combine(folder, "model.safetensors")).Length / 1e9:0.00} GB in {folder}");
    }

    /// <summary>Float16 values in ±0.08, never zero.</summary>
    public static void FillWithWeights(Span<byte> bytes, Random random)
    {
        var halves = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Half>(bytes);
        for (var i = 0; i < halves.Length; i++)
        {
            halves[i] = (Half)((random.NextSingle() - 0.5f) * 0.16f);
            halves[i] = halves[i] == Half.Zero ? (Half)0.001f : halves[i];
        }
    }

    private static string Configuration(int layers) =>
        $$"""
        {
          "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": {{Hidden}}, "intermediate_size": {{Intermediate}},
          "num_attention_heads": 32, "num_key_value_heads": 32, "num_hidden_layers": {{layers}}, "vocab_size": {{Vocabulary}}, "rms_norm_eps": 1e-06,
          "max_position_embeddings": 2048, "rope_theta": 10000.0, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
          "tie_word_embeddings": false, "torch_dtype": "float16"
        }
        """;
}
