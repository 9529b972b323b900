using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Models;
using LayerCake.TurboMind;

namespace LayerCake.Evaluation;

/// <summary>
/// A workspace's weights under their Hugging Face names: ranks joined, matrices [outputs, inputs] again, queries and keys back in half-split rotary order, int4
/// dequantized to float16((q − zero) · scale). The files' sizes must have been checked (<see cref="WorkspaceListing.ThrowIfFaulty"/>).
/// </summary>
internal sealed class WorkspaceTensorSource : ITensorSource
{
    private const int Head = EngineConfiguration.HeadSize;
    private const int Tile = 32;

    private readonly EngineConfiguration _engine;
    private readonly Lock _making = new();
    private (string Name, ushort[] Values)? _made;
    private (string Name, ushort[][] Ranks)? _matrices;
    private readonly Dictionary<string, (TensorInfo Info, Func<ushort[]>? Make, string? File)> _tensors = new(StringComparer.Ordinal);

    public WorkspaceTensorSource(string weightsFolder, EngineConfiguration engine, ModelConfiguration configuration)
    {
        Path = weightsFolder;
        _engine = engine;
        var family = ModelFamily.Of(configuration);
        var dtype = engine.WeightType == TurboMind.WeightType.BFloat16 ? DType.BF16 : DType.F16;
        AddFile(family.Embedding, "tok_embeddings.weight", configuration.VocabularySize, configuration.HiddenSize);
        for (var layer = 0; layer < engine.LayerCount; layer++)
        {
            var prefix = WeightFile.LayerPrefix(layer);
            AddFile($"{family.Module(layer, "input_layernorm")}.weight", $"{prefix}attention_norm.weight", configuration.HiddenSize);
            AddFile($"{family.Module(layer, "post_attention_layernorm")}.weight", $"{prefix}ffn_norm.weight", configuration.HiddenSize);
            foreach (var linear in family.Linears(configuration))
            {
                var name = family.Module(layer, linear.Name);
                Add(TensorInfo.Of($"{name}.weight", dtype, linear.OutputSize, linear.InputSize), () => Weight(prefix, linear));
                if (linear.HasBias)
                {
                    Add(TensorInfo.Of($"{name}.bias", dtype, linear.OutputSize), () => Bias(prefix, linear));
                }
            }
        }

        AddFile($"{family.FinalNorm}.weight", "norm.weight", configuration.HiddenSize);
        AddFile(family.Head, "output.weight", configuration.VocabularySize, configuration.HiddenSize);
        Tensors = [.. _tensors.Values.Select(tensor => tensor.Info)];

        void Add(TensorInfo info, Func<ushort[]> make) => _tensors.Add(info.Name, (info, make, null));

        // Rows that pad the vocabulary to the ranks come last and are not looked at.
        void AddFile(string name, string file, params long[] shape) => _tensors.Add(name, (TensorInfo.Of(name, dtype, shape), null, file));
    }

    public string Path { get; }

    public IReadOnlyList<TensorInfo> Tensors { get; }

    private bool IsInt4 => _engine.WeightType == TurboMind.WeightType.Int4;

    private int Ranks => _engine.TensorParallel;

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        var found = _tensors.TryGetValue(name, out var entry);
        tensor = entry.Info;
        return found;
    }

    public void Read(string name, long byteOffset, Span<byte> destination)
    {
        _ = this.Find(name);
        var (info, make, file) = _tensors[name];
        if (byteOffset < 0 || byteOffset > info.ByteCount - destination.Length)
        {
            throw new CheckpointException($"{Path}: bytes {byteOffset} to {byteOffset + destination.Length} were asked of tensor '{name}', which has {info.ByteCount}.");
        }

        if (make is not null)
        {
            MemoryMarshal.AsBytes<ushort>(Made(name, make)).Slice(checked((int)byteOffset), destination.Length).CopyTo(destination);
            return;
        }

        Load(file!, byteOffset, destination);
    }

    public void Dispose()
    {
    }

    /// <summary>Where an output of a linear stands in the engine's matrices: its rank, and its column there.</summary>
    private (int Rank, int Column) Place(LinearLayout linear, int output)
    {
        var heads = _engine.HeadCount / Ranks;
        var keyValueHeads = _engine.KeyValueHeadCount / Ranks;
        var inner = _engine.IntermediateSize / Ranks;
        return linear.Name switch
        {
            "self_attn.q_proj" => (output / (heads * Head), Rotary(output % (heads * Head))),
            "self_attn.k_proj" => (output / (keyValueHeads * Head), (heads * Head) + Rotary(output % (keyValueHeads * Head))),
            "self_attn.v_proj" => (output / (keyValueHeads * Head), ((heads + keyValueHeads) * Head) + (output % (keyValueHeads * Head))),
            "mlp.gate_proj" => (output / inner, IsInt4 ? 2 * (output % inner) : output % inner),
            "mlp.up_proj" => (output / inner, IsInt4 ? (2 * (output % inner)) + 1 : output % inner),
            _ => (0, output),
        };

        // Neighbours are a rotary pair; Hugging Face has their halves apart.
        static int Rotary(int column) => (column / Head * Head) + (column % Head < Head / 2 ? 2 * (column % Head) : (2 * (column % Head)) - Head + 1);
    }

    private string FileOf(LinearLayout linear) => linear.Name switch
    {
        "self_attn.q_proj" or "self_attn.k_proj" or "self_attn.v_proj" => "attention.w_qkv",
        "self_attn.o_proj" => "attention.wo",
        "mlp.gate_proj" => IsInt4 ? "feed_forward.w13" : "feed_forward.w1",
        "mlp.up_proj" => IsInt4 ? "feed_forward.w13" : "feed_forward.w3",
        "mlp.down_proj" => "feed_forward.w2",
        var other => throw new EvaluationException($"{Path}: a workspace has no linear {other}."),
    };

    /// <summary>The tensor that was made last is kept: it is read in pieces.</summary>
    private ushort[] Made(string name, Func<ushort[]> make)
    {
        lock (_making)
        {
            if (_made?.Name != name)
            {
                _made = null;
                _made = (name, make());
            }

            return _made.Value.Values;
        }
    }

    /// <summary>All ranks' matrices of a file. Those that were read last are kept: several linears are in one file.</summary>
    private ushort[][] Matrices(string name, int inputs)
    {
        if (_matrices?.Name != name)
        {
            _matrices = null;
            _matrices = (name, [.. Enumerable.Range(0, Ranks).Select(rank => Matrix(name, rank, inputs))]);
        }

        return _matrices.Value.Ranks;
    }

    private ushort[] Weight(string prefix, LinearLayout linear)
    {
        var splitsRows = linear.Name is "self_attn.o_proj" or "mlp.down_proj";
        var inputs = splitsRows ? linear.InputSize / Ranks : linear.InputSize;
        var matrices = Matrices(prefix + FileOf(linear), inputs);
        var result = GC.AllocateUninitializedArray<ushort>(linear.OutputSize * linear.InputSize);
        var columns = matrices[0].Length / inputs;
        Parallel.For(0, linear.OutputSize, output =>
        {
            var row = result.AsSpan(output * linear.InputSize, linear.InputSize);
            var (first, column) = Place(linear, output);
            for (var rank = first; rank <= (splitsRows ? Ranks - 1 : first); rank++)
            {
                var from = matrices[rank];
                var to = splitsRows ? row.Slice(rank * inputs, inputs) : row;
                for (var input = 0; input < inputs; input++)
                {
                    to[input] = from[(input * columns) + column];
                }
            }
        });
        return result;
    }

    /// <summary>Biases of wo are in every rank's file in full.</summary>
    private ushort[] Bias(string prefix, LinearLayout linear)
    {
        var ranks = Enumerable.Range(0, Ranks).Select(rank => Halves(WeightFile.Ranked(prefix + FileOf(linear), rank, "bias"))).ToArray();
        return [.. Enumerable.Range(0, linear.OutputSize).Select(output => Place(linear, output)).Select(place => ranks[place.Rank][place.Column])];
    }

    /// <summary>A rank's matrix, [inputs, outputs], as 16-bit patterns.</summary>
    private ushort[] Matrix(string name, int rank, int inputs)
    {
        if (!IsInt4)
        {
            return Halves(WeightFile.Ranked(name, rank, "weight"));
        }

        var codes = MemoryMarshal.Cast<byte, uint>(Bytes(WeightFile.Ranked(name, rank, "qweight"))).ToArray();
        var scales = MemoryMarshal.Cast<byte, uint>(Bytes(WeightFile.Ranked(name, rank, "scales_zeros"))).ToArray();
        var outputs = (int)(8L * codes.Length / inputs);
        var result = GC.AllocateUninitializedArray<ushort>(inputs * outputs);
        Parallel.For(0, inputs / Tile, () => (Zeros: new float[outputs], Scales: new float[outputs], Row: new float[outputs]), (tile, _, memory) =>
        {
            // A tile lies in one group.
            var pairs = scales.AsSpan(tile * Tile / _engine.GroupSize * outputs, outputs);
            for (var m = 0; m < outputs; m++)
            {
                memory.Zeros[m] = (float)BitConverter.UInt16BitsToHalf((ushort)pairs[m]) - 64;
                memory.Scales[m] = (float)BitConverter.UInt16BitsToHalf((ushort)(pairs[m] >> 16));
            }

            for (var k = tile * Tile; k < (tile + 1) * Tile; k++)
            {
                Dequantize(codes, k, memory.Zeros, memory.Scales, memory.Row, result.AsSpan(k * outputs, outputs));
            }

            return memory;
        }, _ => { });
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Dequantize(uint[] codes, int k, float[] zeros, float[] scales, float[] row, Span<ushort> result)
    {
        for (var m = 0; m < row.Length; m++)
        {
            var (word, nibble) = Int4Place(k, m, row.Length);
            row[m] = (((codes[word] >> (4 * nibble)) & 15) - zeros[m]) * scales[m];
        }

        fixed (float* from = row)
        fixed (ushort* to = result)
        {
            Float16Lanes.RoundSingle(from, (Half*)to, row.Length);
        }
    }

    /// <summary>Where the engine's int4 layout keeps element (k, m) of a matrix with so many outputs: tiles of 32 × 32, 128 words each.</summary>
    private static (int Word, int Nibble) Int4Place(int k, int m, int outputs)
    {
        var (k1, k2, k3, k4) = (k % 32 / 16, k % 16 / 8, k % 8 / 2, k % 2);
        var (m1, m2, j) = (m % 32 / 16, m % 16 / 8, m % 8);
        var tile = (k / Tile * (outputs / Tile)) + (m / Tile);
        return ((((tile * 32) + (4 * j) + k3) * 4) + (2 * k1) + m1, (4 * k4) + (2 * k2) + m2);
    }

    private ushort[] Halves(string file) => MemoryMarshal.Cast<byte, ushort>(Bytes(file)).ToArray();

    private byte[] Bytes(string file)
    {
        var length = new FileInfo(System.IO.Path.Combine(Path, file)).Length;
        if (length > Array.MaxLength)
        {
            throw new EvaluationException(string.Create(CultureInfo.InvariantCulture, $"{System.IO.Path.Combine(Path, file)} has {length} bytes; matrices of up to 2 GiB are measured"));
        }

        var bytes = GC.AllocateUninitializedArray<byte>((int)length);
        Load(file, 0, bytes);
        return bytes;
    }

    private void Load(string file, long offset, Span<byte> destination)
    {
        var path = System.IO.Path.Combine(Path, file);
        try
        {
            using var handle = File.OpenHandle(path);
            for (var done = 0; done < destination.Length;)
            {
                var read = RandomAccess.Read(handle, destination[done..], offset + done);
                done += read > 0 ? read : throw new WorkspaceException($"{path} ends too early: it changed while it was read");
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new WorkspaceException($"{path} cannot be read: {fault.Message}", fault);
        }
    }
}
