using System.Globalization;
using System.Runtime.InteropServices;

namespace LayerCake.Benchmarks.Decoding;

/// <summary>Writes an int4 workspace with random weights: what they say does not change how long they take.</summary>
internal static class RandomWorkspace
{
    private const int H = DecodingShape.Hidden;
    private const int I = DecodingShape.Inner;

    public static void Write(string folder, DecodingShape shape)
    {
        var weights = Directory.CreateDirectory(Path.Combine(folder, "triton_models", "weights")).FullName;
        var random = new Random(1);
        Halves("tok_embeddings.weight", DecodingShape.Vocabulary * H, 1f);
        Halves("output.weight", DecodingShape.Vocabulary * H, 0.02f);
        Halves("norm.weight", H, 1f);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Halves($"layers.{layer}.attention_norm.weight", H, 1f);
            Halves($"layers.{layer}.ffn_norm.weight", H, 1f);
            Int4($"layers.{layer}.attention.w_qkv.0", H, 3 * H);
            Int4($"layers.{layer}.attention.wo.0", H, H);
            Int4($"layers.{layer}.feed_forward.w13.0", H, 2 * I);
            Int4($"layers.{layer}.feed_forward.w2.0", I, H);
        }

        File.WriteAllText(Path.Combine(weights, "config.ini"), string.Create(CultureInfo.InvariantCulture, $"""
            [llama]
            model_name = llama
            tensor_para_size = 1
            head_num = {DecodingShape.Heads}
            kv_head_num = {DecodingShape.Heads}
            vocab_size = {DecodingShape.Vocabulary}
            num_layer = {shape.Layers}
            inter_size = {I}
            norm_eps = 1e-06
            attn_bias = 0
            start_id = 1
            end_id = 2
            session_len = {DecodingShape.Context}
            weight_type = int4
            rotary_embedding = {DecodingShape.HeadSize}
            rope_theta = 10000.0
            size_per_head = {DecodingShape.HeadSize}
            group_size = {DecodingShape.GroupSize}
            max_batch_size = 4
            max_context_token_num = 1
            step_length = 1
            cache_max_entry_count = 32
            cache_block_seq_len = 128
            cache_chunk_size = 1
            use_context_fmha = 1
            quant_policy = 0
            max_position_embeddings = {DecodingShape.Context}
            rope_scaling_factor = 0.0
            use_logn_attn = 0

            """));

        void Halves(string name, int count, float largest)
        {
            var halves = new Half[count];
            for (var i = 0; i < count; i++)
            {
                halves[i] = (Half)((random.NextSingle() - 0.5f) * 2 * largest);
            }

            File.WriteAllBytes(Path.Combine(weights, name), MemoryMarshal.AsBytes(halves.AsSpan()).ToArray());
        }

        void Int4(string name, int inputs, int outputs)
        {
            var codes = new byte[(long)inputs * outputs / 2];
            random.NextBytes(codes);
            File.WriteAllBytes(Path.Combine(weights, $"{name}.qweight"), codes);
            var scales = new Half[inputs / DecodingShape.GroupSize * outputs * 2];
            for (var i = 0; i < scales.Length; i += 2)
            {
                (scales[i], scales[i + 1]) = ((Half)72f, (Half)(0.002f + (random.NextSingle() * 0.002f)));
            }

            File.WriteAllBytes(Path.Combine(weights, $"{name}.scales_zeros"), MemoryMarshal.AsBytes(scales.AsSpan()).ToArray());
        }
    }
}
