using System.Globalization;
using LayerCake.Kernels;
using LayerCake.TurboMind;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Runtime;

/// <summary>A model's weights on a device of libtorch. The files of all ranks are joined as they come; int4 stays packed.</summary>
internal sealed class TorchWeights(EngineConfiguration configuration, Device device) : IWeightReceiver, IDisposable
{
    private const int Tile = 32;

    // Below float16's smallest normal number: the engine's instructions flush such a scale to zero.
    private const ushort SmallestNormal = 0x0400;

    private readonly Dictionary<string, Tensor> _parts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _vectors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TorchLinear> _linears = new(StringComparer.Ordinal);

    /// <summary>The model's 16-bit type.</summary>
    public ScalarType Type { get; } = configuration.WeightType == WeightType.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float16;

    public bool IsInt4 => configuration.WeightType == WeightType.Int4;

    public long ByteCount => _linears.Values.Sum(linear => linear.ByteCount) + _vectors.Values.Sum(vector => vector.NumberOfElements * vector.ElementSize);

    private int Ranks => configuration.TensorParallel;

    private int Hidden => configuration.HiddenSize;

    private int KeyValueWidth => configuration.KeyValueHeadCount * configuration.SizePerHead;

    /// <summary>Embedding, head, a norm or a bias, by its name without the rank.</summary>
    public Tensor Vector(string name) => _vectors[name];

    public bool HasVector(string name) => _vectors.ContainsKey(name);

    /// <summary>A linear, for example <c>layers.0.attention.w_qkv</c>.</summary>
    public TorchLinear Linear(string name) => _linears[name];

    public void Take(string name, NativeBuffer content)
    {
        using (content)
        using (NewDisposeScope())
        {
            var parts = name.Split('.');
            if (parts.Length < 6)
            {
                var isMatrix = name is "tok_embeddings.weight" or "output.weight";
                long[] shape = isMatrix ? [configuration.PaddedVocabularySize, Hidden] : [Hidden];
                Keep(_vectors, name, TorchMemory.Upload(content, Type, device, shape));
                return;
            }

            var linear = string.Join('.', parts[..4]);
            var rank = int.Parse(parts[4], CultureInfo.InvariantCulture);
            var extension = parts[5];
            if (extension == "scales_zeros")
            {
                TakeScales(linear, parts[3], rank, content);
            }
            else
            {
                Keep(_parts, $"{linear}.{extension}.{rank}", Read(parts[3], extension, content));
            }

            if (extension is "bias" or "weight")
            {
                if (HasAll(linear, extension))
                {
                    var joined = Join(linear, parts[3], extension);
                    if (extension == "bias")
                    {
                        Keep(_vectors, linear + ".bias", joined);
                    }
                    else
                    {
                        _linears.Add(linear, new TorchLinear(joined.DetachFromDisposeScope()));
                    }
                }
            }
            else if (HasAll(linear, "qweight") && HasAll(linear, "scales"))
            {
                JoinInt4(linear, parts[3]);
            }
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _parts.Values.Concat(_vectors.Values))
        {
            tensor.Dispose();
        }

        foreach (var linear in _linears.Values)
        {
            linear.Dispose();
        }
    }

    private static void Keep(Dictionary<string, Tensor> where, string name, Tensor tensor) => where.Add(name, tensor.DetachFromDisposeScope());

    /// <summary>A rank's file as a tensor of its own shape; int4 codes as bytes [inputs, outputs].</summary>
    private Tensor Read(string linear, string extension, NativeBuffer content)
    {
        var (inputs, outputs) = RankShape(linear);
        return extension switch
        {
            "bias" => TorchMemory.Upload(content, Type, device, linear == "wo" ? Hidden : outputs),
            "weight" => TorchMemory.Upload(content, Type, device, inputs, outputs),
            _ => Codes(TorchMemory.Upload(content, ScalarType.Int32, device, inputs / Tile, outputs / Tile, 8, 4, 2, 2), inputs, outputs),
        };
    }

    /// <summary>The high half of a word is the float16 scale, the low one the float16 value 64 + zero.</summary>
    private unsafe void TakeScales(string linear, string name, int rank, NativeBuffer content)
    {
        var (inputs, outputs) = RankShape(name);
        var groups = inputs / configuration.GroupSize;
        using var scales = new NativeBuffer(content.ByteCount / 2);
        using var zeroPoints = new NativeBuffer(content.ByteCount / 4);
        for (long i = 0; i < groups * outputs; i++)
        {
            var word = ((uint*)content.Pointer)[i];
            var scale = (ushort)(word >> 16);
            ((ushort*)scales.Pointer)[i] = (scale & 0x7FFF) < SmallestNormal ? (ushort)0 : scale;
            zeroPoints.Pointer[i] = (byte)((word >> 4) & 15);
        }

        Keep(_parts, $"{linear}.scales.{rank}", TorchMemory.Upload(scales, ScalarType.Float16, device, groups, outputs));
        Keep(_parts, $"{linear}.zeros.{rank}", TorchMemory.Upload(zeroPoints, ScalarType.Byte, device, groups, outputs));
    }

    private (long Inputs, long Outputs) RankShape(string linear) => linear switch
    {
        "w_qkv" => (Hidden, (Hidden + (2 * KeyValueWidth)) / Ranks),
        "wo" => (Hidden / Ranks, Hidden),
        "w1" or "w3" => (Hidden, configuration.IntermediateSize / Ranks),
        "w13" => (Hidden, 2 * configuration.IntermediateSize / Ranks),
        _ => (configuration.IntermediateSize / Ranks, Hidden),
    };

    /// <summary>
    /// Codes out of tiles. A word's place in its tile is [n mod 8][i div 2 mod 4][i div 16][n div 16], a nibble's in its word [i mod 2][i div 8 mod 2][n div 8 mod 2].
    /// </summary>
    private static Tensor Codes(Tensor words, long inputs, long outputs)
    {
        var shifts = arange(0, 32, 4, ScalarType.Int32, words.device);
        var nibbles = words.unsqueeze(-1).bitwise_right_shift(shifts).bitwise_and(tensor(15, device: words.device)).to(ScalarType.Byte);
        return nibbles.view(inputs / Tile, outputs / Tile, 8, 4, 2, 2, 2, 2, 2).permute(0, 4, 7, 3, 6, 1, 5, 8, 2).reshape(inputs, outputs);
    }

    private bool HasAll(string linear, string extension) =>
        Enumerable.Range(0, Ranks).All(rank => _parts.ContainsKey($"{linear}.{extension}.{rank}"));

    /// <summary>The ranks' parts side by side, or one below the other where ranks cut the inputs.</summary>
    private Tensor Join(string linear, string name, string extension)
    {
        var ranks = Enumerable.Range(0, Ranks).Select(rank => Take($"{linear}.{extension}.{rank}")).ToArray();
        if (name == "wo" && extension == "bias")
        {
            // Every rank has the whole of it.
            return ranks[0];
        }

        if (Ranks == 1)
        {
            return ranks[0];
        }

        if (name != "w_qkv")
        {
            return cat(ranks, name is "wo" or "w2" ? 0 : -1);
        }

        var (q, kv) = (Hidden / Ranks, KeyValueWidth / Ranks);
        (int From, int Count)[] runs = [(0, q), (q, kv), (q + kv, kv)];
        return cat([.. runs.SelectMany(run => ranks.Select(rank => rank.narrow(-1, run.From, run.Count)))], -1);
    }

    private void JoinInt4(string linear, string name)
    {
        var codes = Join(linear, name, "qweight");
        var packed = codes.view(codes.shape[0], -1, 2);
        packed = packed.select(-1, 0).bitwise_or(packed.select(-1, 1).bitwise_left_shift(tensor((byte)4, device: device)));
        _linears.Add(
            linear,
            new TorchLinear(
                packed.contiguous().DetachFromDisposeScope(),
                Join(linear, name, "scales").DetachFromDisposeScope(),
                Join(linear, name, "zeros").DetachFromDisposeScope()));
    }

    private Tensor Take(string part)
    {
        _parts.Remove(part, out var kept);
        using (kept)
        {
            // The same memory, owned by the caller's scope.
            return kept!.alias();
        }
    }
}
