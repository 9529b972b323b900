using System.Collections.Immutable;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>Writes what is not a linear layer: biases, norms, embeddings and the head.</summary>
internal sealed unsafe class VectorExport(ExportContext context)
{
    private const long BlockBytes = 4 << 20;

    /// <summary>The biases of q, k and v in the order of the merged columns, each rank its part.</summary>
    public void WriteMergedBias(string name, ImmutableArray<string> sources, IReadOnlyList<ColumnPlan> plans)
    {
        context.LineSplit(name + ".bias", -1, 1, plans.Sum(plan => plan.ColumnCount));
        using var buffers = new BlockBuffers();
        Span<nint> rows = stackalloc nint[sources.Length];
        for (var s = 0; s < sources.Length; s++)
        {
            rows[s] = (nint)ReadWhole(context.Source.Get(sources[s] + ".bias"), SourceTensors.FirstFreeSlot + 1 + s, buffers);
        }

        for (var rank = 0; rank < plans.Count; rank++)
        {
            var byteCount = plans[rank].ColumnCount * sizeof(ushort);
            var merged = buffers.Get(SourceTensors.FirstFreeSlot, byteCount);
            PlannedRow.Halves(plans[rank], rows, (ushort*)merged);
            WriteWhole(WeightFile.Ranked(name, rank, "bias"), merged, byteCount);
        }
    }

    /// <summary>A bias that every rank adds whole.</summary>
    public void WriteCopiedBias(string name, string source)
    {
        var tensor = context.Source.Get(source + ".bias");
        context.LineCopy(name + ".bias", tensor.ElementCount);
        using var buffers = new BlockBuffers();
        var memory = (byte*)ReadWhole(tensor, SourceTensors.FirstFreeSlot, buffers);
        for (var rank = 0; rank < context.Ranks; rank++)
        {
            WriteWhole(WeightFile.Ranked(name, rank, "bias"), memory, (int)tensor.ElementCount * sizeof(ushort));
        }
    }

    /// <summary>A norm's weight, not split.</summary>
    public void WriteNorm(string name, string source)
    {
        var tensor = context.Source.Get(source);
        using var buffers = new BlockBuffers();
        var memory = (byte*)ReadWhole(tensor, SourceTensors.FirstFreeSlot, buffers);
        WriteWhole(name, memory, (int)tensor.ElementCount * sizeof(ushort));
    }

    /// <summary>The embedding or the head as it stands in the checkpoint, in chunks, with zero rows up to <paramref name="paddedRows"/>.</summary>
    public void WriteRows(string name, string source, long paddedRows)
    {
        var tensor = context.Source.Get(source);
        long rows = tensor.Shape[0], rowBytes = tensor.Shape[1] * sizeof(ushort);
        var blockRows = Math.Max(1, BlockBytes / rowBytes);
        var blocks = checked((int)((rows + blockRows - 1) / blockRows));
        using var file = context.Create(name, paddedRows * rowBytes);
        context.Run(blocks, (index, buffers) =>
        {
            var first = index * blockRows;
            var count = Math.Min(blockRows, rows - first);
            var memory = buffers.Get(SourceTensors.FirstFreeSlot, count * rowBytes);
            context.Source.ReadHalves(
                tensor, first * tensor.Shape[1], (ushort*)memory, count * tensor.Shape[1], context.HalfType, buffers);
            file.Write(new ReadOnlySpan<byte>(memory, checked((int)(count * rowBytes))), first * rowBytes);
        });
        if (paddedRows > rows)
        {
            file.Write(new byte[(paddedRows - rows) * rowBytes], rows * rowBytes);
        }
    }

    private ushort* ReadWhole(TensorInfo tensor, int slot, BlockBuffers buffers)
    {
        var memory = (ushort*)buffers.Get(slot, tensor.ElementCount * sizeof(ushort));
        context.Source.ReadHalves(tensor, 0, memory, tensor.ElementCount, context.HalfType, buffers);
        return memory;
    }

    private void WriteWhole(string name, byte* memory, int byteCount)
    {
        using var file = context.Create(name, byteCount);
        file.Write(new ReadOnlySpan<byte>(memory, byteCount), 0);
    }
}
