using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Models;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>
/// The rows of an embedding that samples use, in float16. Only those are read: a vocabulary of 100,000 would be the largest tensor in memory otherwise. Needs libtorch
/// for nothing but <see cref="Load"/>.
/// </summary>
internal sealed unsafe class EmbeddingRows : IDisposable
{
    /// <summary>Values of neighbouring rows that are read at once.</summary>
    private const int Piece = 1 << 24;

    private readonly NativeBuffer _rows;
    private readonly Dictionary<int, int> _places = [];
    private readonly int _size;

    /// <exception cref="ModelException">A row is not finite in float16.</exception>
    /// <exception cref="CheckpointException">A row cannot be read.</exception>
    public EmbeddingRows(ITensorSource source, ModelConfiguration configuration, IReadOnlyList<int[]> samples)
    {
        _size = configuration.HiddenSize;
        var ids = samples.SelectMany(sample => sample).Distinct().Order().ToArray();
        for (var place = 0; place < ids.Length; place++)
        {
            _places.Add(ids[place], place);
        }

        _rows = new NativeBuffer((long)ids.Length * _size * sizeof(ushort));
        try
        {
            Read(source, source.Find(ModelFamily.Of(configuration).Embedding), ids);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The row of a token that one of the samples has.</summary>
    public ReadOnlySpan<Half> this[int id] => new(Row(_places[id]), _size);

    /// <summary>Looks samples up on a device.</summary>
    /// <returns>[samples, tokens, hidden] in float16 on the device; the caller's scope owns it.</returns>
    /// <exception cref="ModelException">A row is not finite in float16.</exception>
    /// <exception cref="CheckpointException">A row cannot be read.</exception>
    public static Tensor Load(ITensorSource source, ModelConfiguration configuration, IReadOnlyList<int[]> samples, Device device)
    {
        using var scope = NewDisposeScope();
        using var rows = new EmbeddingRows(source, configuration, samples);
        var table = empty([rows._places.Count, configuration.HiddenSize], ScalarType.Float16);
        NativeMemory.Copy(rows._rows.Pointer, (void*)TensorLoading.NativeMemoryOf(table), (nuint)rows._rows.ByteCount);
        var index = tensor(samples.SelectMany(sample => sample.Select(id => (long)rows._places[id])).ToArray(), ScalarType.Int64, device);
        return table.to(device).index_select(0, index).view(samples.Count, samples[0].Length, configuration.HiddenSize).MoveToOuterDisposeScope();
    }

    /// <summary>Looks samples up.</summary>
    /// <param name="samples">Those that the rows were read for.</param>
    /// <param name="to">[samples, tokens, hidden].</param>
    public void CopyTo(IReadOnlyList<int[]> samples, Half* to)
    {
        foreach (var id in samples.SelectMany(sample => sample))
        {
            this[id].CopyTo(new Span<Half>(to, _size));
            to += _size;
        }
    }

    public void Dispose() => _rows.Dispose();

    private Half* Row(int place) => (Half*)_rows.Pointer + ((long)place * _size);

    private void Read(ITensorSource source, TensorInfo tensor, int[] ids)
    {
        for (var first = 0; first < ids.Length;)
        {
            // Neighbouring rows in one read.
            var count = 1;
            while (first + count < ids.Length && ids[first + count] == ids[first] + count && (long)(count + 1) * _size <= Piece)
            {
                count++;
            }

            HalfTensors.Read(source, tensor, (long)ids[first] * _size, new Span<Half>(Row(first), count * _size));
            first += count;
        }
    }
}
