using System.Runtime.InteropServices;
using System.Text.Json;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind.Tests;

/// <summary>
/// A one-layer model of the worked vectors' numbers in any legal shape: as a checkpoint, and as the files and lines it must become,
/// computed the slow way.
/// </summary>
internal sealed class SlowModel
{
    private const string Layer = "model.layers.0.";
    private const string Target = "layers.0.";

    private static readonly (string Name, uint Seed)[] Linears =
    [
        ("self_attn.q_proj", 1), ("self_attn.k_proj", 2), ("self_attn.v_proj", 3), ("self_attn.o_proj", 4),
        ("mlp.gate_proj", 5), ("mlp.down_proj", 6), ("mlp.up_proj", 7),
    ];

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int Inner { get; init; }

    public bool IsInt4 { get; init; }

    public bool HasBias { get; init; }

    public int Ranks { get; init; } = 1;

    public int Vocabulary { get; init; } = 5;

    public DType ScaleType { get; init; } = DType.F16;

    public SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    public List<string> Lines { get; } = [];

    private int Hidden => 128 * Heads;

    private int Width => 128 * KeyValueHeads;

    public ConversionOptions Options => new()
    {
        ModelName = "llama2",
        ModelFormat = IsInt4 ? "awq" : "hf",
        GroupSize = IsInt4 ? 128 : 0,
        TensorParallel = Ranks,
        SpecialTokens = new SpecialTokenIds(1, 2),
        Workers = 3,
    };

    public JsonElement Configuration(object? extra = null)
    {
        var fields = new Dictionary<string, object?>
        {
            ["architectures"] = new[] { "LlamaForCausalLM" },
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Inner,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KeyValueHeads,
            ["num_hidden_layers"] = 1,
            ["vocab_size"] = Vocabulary,
            ["rms_norm_eps"] = 1e-6,
            ["max_position_embeddings"] = 2048,
            ["torch_dtype"] = "float16",
        };
        foreach (var property in extra?.GetType().GetProperties() ?? [])
        {
            fields[property.Name] = property.GetValue(extra);
        }

        return JsonSerializer.SerializeToElement(fields);
    }

    public ConversionSource Source(MemoryTensors tensors, object? extra = null) => new("config.json", Configuration(extra), tensors);

    public MemoryTensors Checkpoint()
    {
        var tensors = new MemoryTensors();
        foreach (var (name, seed) in Linears)
        {
            var (inputs, outputs) = Shape(seed);
            if (IsInt4)
            {
                var codes = Vectors.Matrix(inputs, outputs, (i, n) => Vectors.Code(seed, i, n));
                var zeros = Vectors.Matrix(inputs / 128, outputs, (g, n) => Vectors.Zero(seed, g, n));
                tensors.Add<uint>($"{Layer}{name}.qweight", DType.I32, SlowLayout.Flat(SlowLayout.AwqPack(codes)), inputs, outputs / 8);
                tensors.Add<uint>($"{Layer}{name}.qzeros", DType.I32, SlowLayout.Flat(SlowLayout.AwqPack(zeros)), inputs / 128, outputs / 8);
                AddScales(tensors, $"{Layer}{name}.scales", Vectors.Matrix(inputs / 128, outputs, (g, n) => Vectors.Scale(seed, g, n)));
            }
            else
            {
                tensors.Add<ushort>(
                    $"{Layer}{name}.weight", DType.F16, SlowLayout.Flat(Vectors.Matrix(outputs, inputs, (o, i) => Vectors.Half(seed, o, i))), outputs, inputs);
            }

            if (HasBias && seed <= 4)
            {
                tensors.Add<ushort>($"{Layer}{name}.bias", DType.F16, Vector(10 + seed, outputs), outputs);
            }
        }

        tensors.Add<ushort>(Layer + "input_layernorm.weight", DType.F16, Vector(21, Hidden), Hidden);
        tensors.Add<ushort>(Layer + "post_attention_layernorm.weight", DType.F16, Vector(22, Hidden), Hidden);
        tensors.Add<ushort>("model.norm.weight", DType.F16, Vector(23, Hidden), Hidden);
        tensors.Add<ushort>("model.embed_tokens.weight", DType.F16, Vector(24, Vocabulary * Hidden), Vocabulary, Hidden);
        tensors.Add<ushort>("lm_head.weight", DType.F16, Vector(25, Vocabulary * Hidden), Vocabulary, Hidden);
        return tensors;
    }

    /// <summary>Fills <see cref="Files"/> and <see cref="Lines"/> with what the layer must become.</summary>
    public SlowModel Export()
    {
        if (IsInt4)
        {
            ExportInt4();
        }
        else
        {
            ExportHalf();
        }

        Whole("attention_norm.weight", Vector(21, Hidden));
        Whole("ffn_norm.weight", Vector(22, Hidden));
        return this;
    }

    private static ushort[] Vector(uint seed, int length) => [.. Enumerable.Range(0, length).Select(n => Vectors.Half(seed, n))];

    private static byte[] Bytes<T>(T[] elements)
        where T : unmanaged => MemoryMarshal.AsBytes<T>(elements).ToArray();

    private void AddScales(MemoryTensors tensors, string name, ushort[,] scales)
    {
        ReadOnlySpan<long> shape = [scales.GetLength(0), scales.GetLength(1)];
        var flat = SlowLayout.Flat(scales);
        if (ScaleType == DType.F32)
        {
            tensors.Add<float>(name, DType.F32, Array.ConvertAll(flat, bits => (float)BitConverter.UInt16BitsToHalf(bits)), shape);
        }
        else
        {
            tensors.Add<ushort>(name, DType.F16, flat, shape);
        }
    }

    private (int Inputs, int Outputs) Shape(uint seed) => seed switch
    {
        1 => (Hidden, Hidden),
        2 or 3 => (Hidden, Width),
        4 => (Hidden, Hidden),
        6 => (Inner, Hidden),
        _ => (Hidden, Inner),
    };

    private void ExportInt4()
    {
        (byte[,] Codes, byte[,] Zeros, ushort[,] Scales) Triple(uint seed)
        {
            var (inputs, outputs) = Shape(seed);
            return (Vectors.Matrix(inputs, outputs, (i, n) => Vectors.Code(seed, i, n)),
                Vectors.Matrix(inputs / 128, outputs, (g, n) => Vectors.Zero(seed, g, n)),
                Vectors.Matrix(inputs / 128, outputs, (g, n) => Vectors.Scale(seed, g, n)));
        }

        var (q, k, v, o, w1, w2, w3) = (Triple(1), Triple(2), Triple(3), Triple(4), Triple(5), Triple(6), Triple(7));
        T[,] Qkv<T>(T[,] a, T[,] b, T[,] c) => SlowLayout.Merge(SlowLayout.Permute(a), SlowLayout.Permute(b), c, Ranks);

        ByColumns("attention.w_qkv", Qkv(q.Codes, k.Codes, v.Codes), Qkv(q.Zeros, k.Zeros, v.Zeros), Qkv(q.Scales, k.Scales, v.Scales));
        ByRows("attention.wo", o.Codes, o.Zeros, o.Scales);
        ExportBias();
        ByColumns(
            "feed_forward.w13",
            SlowLayout.Interleave(w1.Codes, w3.Codes),
            SlowLayout.Interleave(w1.Zeros, w3.Zeros),
            SlowLayout.Interleave(w1.Scales, w3.Scales));
        ByRows("feed_forward.w2", w2.Codes, w2.Zeros, w2.Scales);
    }

    private void ByColumns(string name, byte[,] codes, byte[,] zeros, ushort[,] scales)
    {
        int inputs = codes.GetLength(0), outputs = codes.GetLength(1);
        Split(name, "qweight", -1, [inputs / 32, outputs / Ranks / 32, 128, Ranks], rank => Bytes(SlowLayout.Tile(SlowLayout.Columns(codes, rank, Ranks))));
        Split(name, "scales_zeros", -1, [inputs / 128, outputs], rank =>
            ScaleZeros(SlowLayout.Columns(zeros, rank, Ranks), SlowLayout.Columns(scales, rank, Ranks)));
    }

    private void ByRows(string name, byte[,] codes, byte[,] zeros, ushort[,] scales)
    {
        int inputs = codes.GetLength(0), outputs = codes.GetLength(1);
        Split(name, "qweight", 0, [inputs, outputs / 8], rank => Bytes(SlowLayout.Tile(SlowLayout.Rows(codes, rank, Ranks))));
        Split(name, "scales_zeros", 0, [inputs / 128, outputs], rank =>
            ScaleZeros(SlowLayout.Rows(zeros, rank, Ranks), SlowLayout.Rows(scales, rank, Ranks)));
    }

    private static byte[] ScaleZeros(byte[,] zeros, ushort[,] scales) =>
        Bytes(SlowLayout.Flat(scales).Zip(SlowLayout.Flat(zeros), (scale, zero) => SlowLayout.ScaleZero(scale, zero)).ToArray());

    private void ExportHalf()
    {
        ushort[,] Transposed(uint seed)
        {
            var (inputs, outputs) = Shape(seed);
            return Vectors.Matrix(inputs, outputs, (i, o) => Vectors.Half(seed, o, i));
        }

        void Columns(string name, ushort[,] matrix) => Split(
            name, "weight", -1, [matrix.GetLength(0), matrix.GetLength(1)], rank => Bytes(SlowLayout.Flat(SlowLayout.Columns(matrix, rank, Ranks))));
        void Rows(string name, ushort[,] matrix) => Split(
            name, "weight", 0, [matrix.GetLength(0), matrix.GetLength(1)], rank => Bytes(SlowLayout.Flat(SlowLayout.Rows(matrix, rank, Ranks))));

        Columns("attention.w_qkv", SlowLayout.Merge(SlowLayout.Permute(Transposed(1)), SlowLayout.Permute(Transposed(2)), Transposed(3), Ranks));
        Rows("attention.wo", Transposed(4));
        ExportBias();
        Columns("feed_forward.w1", Transposed(5));
        Columns("feed_forward.w3", Transposed(7));
        Rows("feed_forward.w2", Transposed(6));
    }

    private void ExportBias()
    {
        if (!HasBias)
        {
            return;
        }

        ushort[,] Row(uint seed, int length) => Vectors.Matrix(1, length, (_, n) => Vectors.Half(seed, n));
        var merged = SlowLayout.Merge(SlowLayout.Permute(Row(11, Hidden)), SlowLayout.Permute(Row(12, Width)), Row(13, Width), Ranks);
        Split("attention.w_qkv", "bias", -1, [1, merged.GetLength(1)], rank => Bytes(SlowLayout.Flat(SlowLayout.Columns(merged, rank, Ranks))));
        Lines.Add($"### copying {Target}attention.wo.bias, shape=torch.Size([{Hidden}])");
        for (var rank = 0; rank < Ranks; rank++)
        {
            Files[$"{Target}attention.wo.{rank}.bias"] = Bytes(Vector(14, Hidden));
        }
    }

    private void Split(string name, string extension, int dimension, int[] shape, Func<int, byte[]> part)
    {
        Lines.Add($"*** splitting {Target}{name}.{extension}, shape=torch.Size([{string.Join(", ", shape)}]), split_dim={dimension}, tp={Ranks}");
        for (var rank = 0; rank < Ranks; rank++)
        {
            Files[$"{Target}{name}.{rank}.{extension}"] = part(rank);
        }
    }

    private void Whole(string name, ushort[] elements) => Files[Target + name] = Bytes(elements);
}
