using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Models;
using LayerCake.Torch;
using LayerCake.Torch.Layers;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>Looks samples up in the embedding, reading only the rows that occur: a vocabulary of 100,000 would be the largest tensor in memory otherwise.</summary>
internal static unsafe class EmbeddingRows
{
    /// <summary>Bytes of neighbouring rows that are read at once.</summary>
    private const int Piece = 1 << 26;

    /// <summary>Looks up into memory of the host, without libtorch.</summary>
    /// <param name="to">[samples, tokens, hidden] in float16.</param>
    /// <inheritdoc cref="Load(ITensorSource, ModelConfiguration, IReadOnlyList{int[]}, Device)" path="/exception"/>
    public static void Load(ITensorSource source, ModelConfiguration configuration, IReadOnlyList<int[]> samples, Half* to)
    {
        var size = configuration.HiddenSize;
        var ids = Occurring(samples);
        using var rows = Rows(source, configuration, ids);
        var places = Places(ids);
        foreach (var id in samples.SelectMany(sample => sample))
        {
            NativeMemory.Copy((Half*)rows.Pointer + ((long)places[id] * size), to, (nuint)size * sizeof(ushort));
            to += size;
        }
    }

    /// <summary>Looks up on a device.</summary>
    /// <returns>[samples, tokens, hidden] in float16 on the device; the caller's scope owns it.</returns>
    /// <exception cref="CalibrationException">A row is not finite in float16, or the embedding has a dtype that is no weight's.</exception>
    public static Tensor Load(ITensorSource source, ModelConfiguration configuration, IReadOnlyList<int[]> samples, Device device)
    {
        using var scope = NewDisposeScope();
        var ids = Occurring(samples);
        var table = empty([ids.Length, configuration.HiddenSize], ScalarType.Float16);
        using (var rows = Rows(source, configuration, ids))
        {
            NativeMemory.Copy(rows.Pointer, (void*)TensorLoading.NativeMemoryOf(table), (nuint)rows.ByteCount);
        }

        var places = Places(ids);
        var index = tensor(samples.SelectMany(sample => sample.Select(id => (long)places[id])).ToArray(), ScalarType.Int64, device);
        return table.to(device).index_select(0, index).view(samples.Count, samples[0].Length, configuration.HiddenSize).MoveToOuterDisposeScope();
    }

    private static int[] Occurring(IReadOnlyList<int[]> samples) => [.. samples.SelectMany(sample => sample).Distinct().Order()];

    private static Dictionary<int, int> Places(int[] ids) => ids.Select((id, place) => (id, place)).ToDictionary(pair => pair.id, pair => pair.place);

    private static NativeBuffer Rows(ITensorSource source, ModelConfiguration configuration, int[] ids)
    {
        var size = configuration.HiddenSize;
        var tensor = source.Find(ModelFamily.Of(configuration).Embedding);
        if (tensor.DType is not (DType.F16 or DType.BF16 or DType.F32))
        {
            throw new CalibrationException($"{source.Path}: {tensor.Name} has the dtype {tensor.DType}; supported are F16, BF16 and F32.");
        }

        var rows = new NativeBuffer((long)ids.Length * size * sizeof(ushort));
        try
        {
            for (var first = 0; first < ids.Length;)
            {
                // Neighbouring rows in one read.
                var count = 1;
                while (first + count < ids.Length && ids[first + count] == ids[first] + count && (long)(count + 1) * size * sizeof(float) <= Piece)
                {
                    count++;
                }

                HalfTensors.Read(source, tensor, (long)ids[first] * size, new Span<Half>((Half*)rows.Pointer + ((long)first * size), count * size));
                first += count;
            }

            return rows;
        }
        catch (TorchException)
        {
            rows.Dispose();
            throw new CalibrationException(
                $"{source.Path}: {tensor.Name} holds infinities or NaN, or values beyond float16's range (65504), in rows that the samples use. Repair the checkpoint.");
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }
}
