using System.Buffers.Binary;
using LayerCake.Checkpoints;
using LayerCake.Models;

namespace LayerCake.Evaluation;

/// <summary>The hidden states that windows begin with: rows of the embedding in float16, each read once.</summary>
internal static class EmbeddedStates
{
    /// <returns>[windows][rows · hidden].</returns>
    /// <exception cref="EvaluationException">A row is not finite in float16.</exception>
    public static Half[][] Load(EvaluatedModel model, EvaluationWindows windows)
    {
        var (source, configuration) = (model.Weights, model.Configuration);
        var tensor = source.Find(ModelFamily.Of(configuration).Embedding);
        var size = configuration.HiddenSize;
        var bytes = new byte[size * tensor.DType.ByteSize()];
        var rows = new Dictionary<int, Half[]>();
        foreach (var id in windows.Ids.SelectMany(window => window).Distinct().Order())
        {
            source.Read(tensor.Name, (long)id * bytes.Length, bytes);
            rows.Add(id, Row(bytes, tensor, source));
        }

        return [.. windows.Ids.Select(window =>
        {
            var states = GC.AllocateUninitializedArray<Half>(window.Length * size);
            for (var i = 0; i < window.Length; i++)
            {
                rows[window[i]].CopyTo(states, i * size);
            }

            return states;
        })];
    }

    private static Half[] Row(ReadOnlySpan<byte> bytes, TensorInfo tensor, ITensorSource source)
    {
        var width = tensor.DType.ByteSize();
        var row = new Half[bytes.Length / width];
        for (var i = 0; i < row.Length; i++)
        {
            var value = bytes[(i * width)..];
            row[i] = tensor.DType switch
            {
                DType.F16 => BinaryPrimitives.ReadHalfLittleEndian(value),
                DType.BF16 => (Half)BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(value) << 16),
                _ => (Half)BinaryPrimitives.ReadSingleLittleEndian(value),
            };
            if (!Half.IsFinite(row[i]))
            {
                throw new EvaluationException(
                    $"{source.Path}: {tensor.Name} holds infinities or NaN, or values beyond float16's range (65504), in rows that the text uses. Repair the checkpoint.");
            }
        }

        return row;
    }
}
