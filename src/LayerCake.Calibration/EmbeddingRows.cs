using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Calibration;

/// <summary>Looks samples up in the embedding, reading only the rows that occur: a vocabulary of 100,000 would be the largest tensor in memory otherwise.</summary>
internal static unsafe class EmbeddingRows
{
    /// <returns>[samples, tokens, hidden] in float16 on the device; the caller's scope owns it.</returns>
    public static Tensor Load(ITensorSource source, ModelConfiguration configuration, IReadOnlyList<int[]> samples, Device device)
    {
        using var scope = NewDisposeScope();
        var name = ModelFamily.Of(configuration).Embedding;
        var ids = samples.SelectMany(sample => sample).Distinct().Order().ToArray();
        var rows = Rows(source, name, configuration.HiddenSize, ids);
        if (!TensorLoading.AllFinite(rows))
        {
            throw new CalibrationException(
                $"{source.Path}: {name} holds infinities or NaN, or values beyond float16's range (65504), in rows that the samples use. Repair the checkpoint.");
        }

        var place = new Dictionary<int, long>(ids.Length);
        for (var i = 0; i < ids.Length; i++)
        {
            place.Add(ids[i], i);
        }

        var index = tensor(samples.SelectMany(sample => sample.Select(id => place[id])).ToArray(), ScalarType.Int64, device);
        return rows.to(device).index_select(0, index).view(samples.Count, samples[0].Length, configuration.HiddenSize).MoveToOuterDisposeScope();
    }

    private static Tensor Rows(ITensorSource source, string name, int hiddenSize, int[] ids)
    {
        var dtype = source.Find(name).DType switch
        {
            DType.F16 => ScalarType.Float16,
            DType.BF16 => ScalarType.BFloat16,
            DType.F32 => ScalarType.Float32,
            var other => throw new CalibrationException($"{source.Path}: {name} has the dtype {other}; supported are F16, BF16 and F32."),
        };
        var rows = empty([ids.Length, hiddenSize], dtype);
        var rowBytes = (int)rows.element_size() * hiddenSize;
        var memory = (byte*)TensorLoading.NativeMemoryOf(rows);
        for (var first = 0; first < ids.Length;)
        {
            // Neighbouring rows in one read.
            var count = 1;
            while (first + count < ids.Length && ids[first + count] == ids[first] + count && (long)(count + 1) * rowBytes <= 1 << 26)
            {
                count++;
            }

            source.Read(name, (long)ids[first] * rowBytes, new Span<byte>(memory + ((long)first * rowBytes), count * rowBytes));
            first += count;
        }

        return rows.to(ScalarType.Float16);
    }
}
