using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using LayerCake.Checkpoints;
using LayerCake.Models;

namespace LayerCake.Steps;

/// <summary>A made-up checkpoint of a real one's kind: its configuration with other sizes, its tokenizer, its element types, weights by chance.</summary>
internal static class StubModel
{
    private const int ChunkElements = 1 << 16;

    // Who made the real one, and when, is not true of this one.
    private static readonly string[] s_origins = ["_commit_hash", "_name_or_path"];

    /// <summary>Writes it into a folder that is made. The same model and sizes give the same bytes.</summary>
    /// <param name="model">The real one, of which only headers are read.</param>
    /// <param name="size">The numbers of the made-up one.</param>
    /// <param name="folder">Where it goes.</param>
    public static void Write(HuggingFaceFolder model, ModelConfiguration size, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in model.SideFiles.Append(model.TokenizerModelPath).OfType<string>())
        {
            var name = Path.GetFileName(file);
            if (name != "config.json" && !name.EndsWith(".index.json", StringComparison.Ordinal))
            {
                File.WriteAllBytes(Path.Combine(folder, name), File.ReadAllBytes(file));
            }
        }

        File.WriteAllText(Path.Combine(folder, "config.json"), Configuration(model.Config, size));
        WriteWeights(model.Weights, size, Path.Combine(folder, "model.safetensors"));
    }

    private static string Configuration(JsonElement config, ModelConfiguration size)
    {
        var stub = JsonNode.Parse(config.GetRawText())!.AsObject();
        stub["hidden_size"] = size.HiddenSize;
        stub["intermediate_size"] = size.IntermediateSize;
        stub["num_hidden_layers"] = size.LayerCount;
        stub["num_attention_heads"] = size.HeadCount;
        stub["num_key_value_heads"] = size.KeyValueHeadCount;
        foreach (var origin in s_origins)
        {
            stub.Remove(origin);
        }

        return stub.ToJsonString();
    }

    private static void WriteWeights(ITensorSource real, ModelConfiguration size, string path)
    {
        var tensors = ModelLayout.Tensors(size)
            // A head that shares the embedding's weight may be absent.
            .Where(tensor => real.TryFind(tensor.Name, out _))
            .Select(tensor => TensorInfo.Of(tensor.Name, real.TryFind(tensor.Name, out var same) ? same.DType : DType.F16, [.. tensor.Shape]))
            .ToList();
        using var writer = SafetensorsWriter.Create(path, tensors, new Dictionary<string, string> { ["format"] = "pt" });
        var values = new float[ChunkElements];
        var bytes = new byte[ChunkElements * sizeof(float)];
        for (var i = 0; i < tensors.Count; i++)
        {
            var (tensor, chance) = (tensors[i], new Chance(i));
            // A linear of unit variance keeps its input's size through all layers; norms are near one, biases small.
            var (centre, spread) = tensor.Shape.Length > 1 ? (0f, MathF.Sqrt(3f / tensor.Shape[^1]))
                : tensor.Name.EndsWith(".bias", StringComparison.Ordinal) ? (0f, 0.1f) : (1f, 0.1f);
            for (var left = tensor.ByteCount / tensor.DType.ByteSize(); left > 0; left -= ChunkElements)
            {
                var chunk = values.AsSpan(0, (int)Math.Min(left, ChunkElements));
                foreach (ref var value in chunk)
                {
                    value = centre + (spread * chance.Next());
                }

                writer.WriteChunk(tensor.Name, Encoded(chunk, tensor.DType, bytes));
            }
        }

        writer.Complete();
    }

    private static ReadOnlySpan<byte> Encoded(ReadOnlySpan<float> values, DType type, byte[] bytes)
    {
        switch (type)
        {
            case DType.F32:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                break;
            case DType.BF16:
                var brains = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan());
                for (var i = 0; i < values.Length; i++)
                {
                    brains[i] = (ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16);
                }

                break;
            default:
                System.Numerics.Tensors.TensorPrimitives.ConvertToHalf(values, MemoryMarshal.Cast<byte, Half>(bytes.AsSpan()));
                break;
        }

        return bytes.AsSpan(0, values.Length * type.ByteSize());
    }

    /// <summary>Numbers between -1 and 1 by SplitMix64 (Steele, Lea and Flood, 2014): the same on every machine.</summary>
    private struct Chance(int seed)
    {
        private ulong _state = (ulong)seed << 32;

        public float Next()
        {
            var z = _state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return ((int)(z >> 40) - (1 << 23)) * (1f / (1 << 23));
        }
    }
}
