using System.Runtime.InteropServices;
using LayerCake.Checkpoints;
using LayerCake.Kernels;
using LayerCake.Models;
using LayerCake.Quantization.Awq;
using LayerCake.Quantization.Int4;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Weights;
using NativeBuffer = LayerCake.Quantization.Numerics.NativeBuffer;
using LayerCake.Quantization;

namespace LayerCake.Reconstruction;

/// <summary>Writes reconstructed layers, and what is not quantized, into the files of an AWQ checkpoint.</summary>
internal sealed unsafe class CheckpointOutput(
    ITensorSource source, ModelConfiguration configuration, int groupSize, WeightFiles files, AwqParts parts, ParallelOptions options) : IDisposable
{
    private readonly ModelFamily _family = ModelFamily.Of(configuration);
    private readonly BufferPool _pool = new();

    /// <summary>Writes a layer's tensors and keeps it as a part.</summary>
    /// <returns>The errors of its linears.</returns>
    public IReadOnlyList<LinearError> Write(int layer, IQuantizedLayer content)
    {
        var errors = new List<LinearError>();
        foreach (var linear in _family.Linears(configuration))
        {
            var name = _family.Module(layer, linear.Name);
            if (content.Vector($"{linear.Name}.bias", linear.OutputSize) is { } bias)
            {
                WriteVector(layer, $"{name}.bias", bias);
            }

            using var packed = new PackedLinear(linear.OutputSize, linear.InputSize, groupSize, _pool);
            content.Pack(linear.Name, packed, options);
            Write(layer, $"{name}.qweight", packed.WeightBytes);
            Write(layer, $"{name}.scales", packed.ScaleBytes);
            Write(layer, $"{name}.qzeros", packed.ZeroBytes);
            errors.Add(new LinearError(name, content.WeightErrorOf(linear.Name)));
        }

        foreach (var norm in _family.LayerNorms)
        {
            WriteVector(layer, $"{_family.Module(layer, norm)}.weight", content.Vector($"{norm}.weight", configuration.HiddenSize)!);
        }

        parts.Commit(layer, errors);
        return errors;
    }

    /// <summary>Copies the embedding, the final norm and the head in float16. A head that shares the embedding's weight is written out.</summary>
    public void CopyRest(CancellationToken cancellation)
    {
        var head = source.TryFind(_family.Head, out _) ? _family.Head : _family.Embedding;
        foreach (var (from, to) in new[] { (_family.Embedding, _family.Embedding), ($"{_family.FinalNorm}.weight", $"{_family.FinalNorm}.weight"), (head, _family.Head) })
        {
            WeightReader.Stream(source, from, piece => files.Write(to, piece), cancellation);
        }
    }

    public void Dispose() => _pool.Dispose();

    private void WriteVector(int layer, string name, Half[] values)
    {
        var bytes = MemoryMarshal.AsBytes(values.AsSpan());
        files.Write(name, bytes);
        parts.AddSmall(layer, name, bytes);
    }

    private void Write(int layer, string name, NativeBuffer buffer)
    {
        const int Piece = 1 << 26;
        parts.Start(layer, name, buffer.ByteCount);
        for (long offset = 0; offset < buffer.ByteCount; offset += Piece)
        {
            var piece = new ReadOnlySpan<byte>(buffer.Pointer + offset, (int)Math.Min(Piece, buffer.ByteCount - offset));
            files.Write(name, piece);
            parts.Add(piece);
        }
    }
}
