using System.Runtime.InteropServices;
using System.Text;

namespace LayerCake.Benchmarks.Decoding;

/// <summary>Writes a Llama with random weights in Q4_0 as a GGUF file (version 3), the format of llama.cpp.</summary>
internal sealed class RandomGguf : IDisposable
{
    private const uint Float32 = 0;
    private const uint Float16 = 1;
    private const uint Q40 = 2;
    private const int Alignment = 32;
    private const int H = DecodingShape.Hidden;
    private const int I = DecodingShape.Inner;

    private readonly BinaryWriter _writer;
    private readonly Random _random = new(1);

    private RandomGguf(string path) => _writer = new BinaryWriter(File.Create(path));

    private enum ValueType
    {
        UInt32 = 4,
        Int32 = 5,
        Float32 = 6,
        String = 8,
        Array = 9,
    }

    public static void Write(string path, DecodingShape shape)
    {
        using var gguf = new RandomGguf(path);
        gguf.Write(shape);
    }

    public void Dispose() => _writer.Dispose();

    private void Write(DecodingShape shape)
    {
        var tensors = Tensors(shape).ToArray();
        _writer.Write("GGUF"u8);
        _writer.Write(3u);
        _writer.Write((ulong)tensors.Length);
        _writer.Write(17ul);
        Text("general.architecture", "llama");
        Text("general.name", "random");
        Number("general.file_type", 2);
        Number("llama.block_count", (uint)shape.Layers);
        Number("llama.context_length", DecodingShape.Context);
        Number("llama.embedding_length", H);
        Number("llama.feed_forward_length", I);
        Number("llama.attention.head_count", DecodingShape.Heads);
        Number("llama.attention.head_count_kv", DecodingShape.Heads);
        Number("llama.rope.dimension_count", DecodingShape.HeadSize);
        Key("llama.attention.layer_norm_rms_epsilon", ValueType.Float32);
        _writer.Write(1e-6f);
        Vocabulary();
        Number("tokenizer.ggml.bos_token_id", 1);
        Number("tokenizer.ggml.eos_token_id", 2);

        ulong offset = 0;
        foreach (var (name, dimensions, type) in tensors)
        {
            Text(name);
            _writer.Write((uint)dimensions.Length);
            Array.ForEach(dimensions, dimension => _writer.Write((ulong)dimension));
            _writer.Write(type);
            _writer.Write(offset);
            offset += (ulong)Padded(Bytes(dimensions, type));
        }

        Pad();
        foreach (var (_, dimensions, type) in tensors)
        {
            _writer.Write(Content(dimensions, type));
            Pad();
        }
    }

    /// <summary>Dimensions are given fastest first: inputs, then outputs.</summary>
    private static IEnumerable<(string Name, int[] Dimensions, uint Type)> Tensors(DecodingShape shape)
    {
        yield return ("token_embd.weight", [H, DecodingShape.Vocabulary], Float16);
        yield return ("output_norm.weight", [H], Float32);
        yield return ("output.weight", [H, DecodingShape.Vocabulary], Float16);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            yield return ($"blk.{layer}.attn_norm.weight", [H], Float32);
            yield return ($"blk.{layer}.attn_q.weight", [H, H], Q40);
            yield return ($"blk.{layer}.attn_k.weight", [H, H], Q40);
            yield return ($"blk.{layer}.attn_v.weight", [H, H], Q40);
            yield return ($"blk.{layer}.attn_output.weight", [H, H], Q40);
            yield return ($"blk.{layer}.ffn_norm.weight", [H], Float32);
            yield return ($"blk.{layer}.ffn_gate.weight", [H, I], Q40);
            yield return ($"blk.{layer}.ffn_up.weight", [H, I], Q40);
            yield return ($"blk.{layer}.ffn_down.weight", [I, H], Q40);
        }
    }

    /// <summary>SentencePiece's special pieces, all bytes, then made-up words.</summary>
    private void Vocabulary()
    {
        const int Special = 3;
        const int Bytes = 256;
        Text("tokenizer.ggml.model", "llama");
        ArrayOf("tokenizer.ggml.tokens", ValueType.String);
        for (var id = 0; id < DecodingShape.Vocabulary; id++)
        {
            Text(id < Special ? new[] { "<unk>", "<s>", "</s>" }[id] : id < Special + Bytes ? $"<0x{id - Special:X2}>" : $"\u2581w{id}");
        }

        ArrayOf("tokenizer.ggml.scores", ValueType.Float32);
        for (var id = 0; id < DecodingShape.Vocabulary; id++)
        {
            _writer.Write(-(float)id);
        }

        ArrayOf("tokenizer.ggml.token_type", ValueType.Int32);
        for (var id = 0; id < DecodingShape.Vocabulary; id++)
        {
            // Unknown, control, byte, normal.
            _writer.Write(id == 0 ? 2 : id < Special ? 3 : id < Special + Bytes ? 6 : 1);
        }
    }

    private byte[] Content(int[] dimensions, uint type)
    {
        var bytes = new byte[Bytes(dimensions, type)];
        switch (type)
        {
            case Q40:
                // Blocks of 32 weights: a float16 scale and 16 bytes of codes.
                _random.NextBytes(bytes);
                for (var i = 0; i < bytes.Length; i += 18)
                {
                    MemoryMarshal.Write(bytes.AsSpan(i), (Half)(0.002f + (_random.NextSingle() * 0.002f)));
                }

                break;
            case Float16:
                foreach (ref var half in MemoryMarshal.Cast<byte, Half>(bytes.AsSpan()))
                {
                    half = (Half)((_random.NextSingle() - 0.5f) * 0.04f);
                }

                break;
            default:
                MemoryMarshal.Cast<byte, float>(bytes.AsSpan()).Fill(1f);
                break;
        }

        return bytes;
    }

    private static long Bytes(int[] dimensions, uint type)
    {
        var count = dimensions.Aggregate(1L, (product, dimension) => product * dimension);
        return type switch { Q40 => count / 32 * 18, Float16 => count * 2, _ => count * 4 };
    }

    private static long Padded(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private void Pad() => _writer.Write(new byte[Padded(_writer.BaseStream.Position) - _writer.BaseStream.Position]);

    private void Text(string key, string value)
    {
        Key(key, ValueType.String);
        Text(value);
    }

    private void Number(string key, uint value)
    {
        Key(key, ValueType.UInt32);
        _writer.Write(value);
    }

    private void ArrayOf(string key, ValueType element)
    {
        Key(key, ValueType.Array);
        _writer.Write((uint)element);
        _writer.Write((ulong)DecodingShape.Vocabulary);
    }

    private void Key(string key, ValueType type)
    {
        Text(key);
        _writer.Write((uint)type);
    }

    private void Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        _writer.Write((ulong)bytes.Length);
        _writer.Write(bytes);
    }
}
