using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>Writes a 4-bit linear layer: AWQ rows in, tiles and scale/zero words out, block by block of input rows.</summary>
internal sealed unsafe class Int4Export(ExportContext context, int groupSize)
{
    // Large enough for good reads and writes, small enough to stay in the second-level caches.
    private const long BlockBytes = 2 << 20;

    public void Write(Linear linear)
    {
        int columns = linear.Outputs, inputs = linear.Inputs, ranks = context.Ranks;
        if (linear.SplitsColumns)
        {
            context.LineSplit(linear.Name + ".qweight", -1, inputs / TilePacker.Side, columns / TilePacker.Side / ranks, TilePacker.WordsPerTile, ranks);
        }
        else
        {
            context.LineSplit(linear.Name + ".qweight", 0, inputs, columns / AwqColumns.PerWord);
        }

        WriteCodes(linear);
        context.LineSplit(linear.Name + ".scales_zeros", linear.SplitsColumns ? -1 : 0, inputs / groupSize, columns);
        WriteScales(linear);
    }

    private void WriteCodes(Linear linear)
    {
        var sources = linear.Sources.Select(name => context.Source.Get(name + ".qweight")).ToArray();
        var strides = sources.Select(source => checked((int)source.Shape[1])).ToArray();
        var slabs = linear.Plans.Select(plan => new Int4Slab(plan)).ToArray();
        var slabBytes = TilePacker.Side * sizeof(uint) * strides.Sum(stride => (long)stride);
        var blocks = Blocks(linear, TilePacker.Side, slabBytes);
        var files = context.CreateRanked(linear.Name, "qweight", (long)linear.Inputs * linear.Outputs / 2 / context.Ranks);
        try
        {
            context.Run(blocks.Count, (index, buffers) =>
            {
                var block = blocks[index];
                Span<nint> rows = stackalloc nint[sources.Length];
                Span<nint> first = stackalloc nint[sources.Length];
                for (var s = 0; s < sources.Length; s++)
                {
                    var rowBytes = (long)strides[s] * sizeof(uint);
                    var memory = buffers.Get(SourceTensors.FirstFreeSlot + 1 + s, block.Rows * rowBytes);
                    context.Source.ReadBytes(sources[s], block.FirstRow * rowBytes, memory, block.Rows * rowBytes);
                    first[s] = (nint)memory;
                }

                for (var output = 0; output < slabs.Length; output++)
                {
                    var slab = slabs[output];
                    var count = block.Rows / TilePacker.Side;
                    var memory = buffers.Get(SourceTensors.FirstFreeSlot, count * slab.ByteCount);
                    first.CopyTo(rows);
                    for (var i = 0; i < count; i++)
                    {
                        slab.Pack(rows, strides, (uint*)(memory + (i * slab.ByteCount)));
                        for (var s = 0; s < rows.Length; s++)
                        {
                            rows[s] += (nint)strides[s] * TilePacker.Side * sizeof(uint);
                        }
                    }

                    var file = files[linear.SplitsColumns ? output : block.Rank];
                    file.Write(Bytes(memory, count * slab.ByteCount), block.FileRow / TilePacker.Side * slab.ByteCount);
                }
            });
        }
        finally
        {
            ExportContext.Close(files);
        }
    }

    private void WriteScales(Linear linear)
    {
        var scales = linear.Sources.Select(name => context.Source.Get(name + ".scales")).ToArray();
        var zeros = linear.Sources.Select(name => context.Source.Get(name + ".qzeros")).ToArray();
        var widths = scales.Select(source => checked((int)source.Shape[1])).ToArray();
        var blocks = Blocks(linear, groupSize, sizeof(uint) * (long)linear.Outputs);
        var files = context.CreateRanked(
            linear.Name, "scales_zeros", (long)(linear.Inputs / groupSize) * linear.Outputs * sizeof(uint) / context.Ranks);
        try
        {
            context.Run(blocks.Count, (index, buffers) =>
            {
                var block = blocks[index];
                int groups = block.Rows / groupSize, firstGroup = block.FirstRow / groupSize;
                Span<nint> scaleRows = stackalloc nint[scales.Length];
                Span<nint> zeroRows = stackalloc nint[scales.Length];
                var slot = SourceTensors.FirstFreeSlot + 3;
                for (var s = 0; s < scales.Length; s++)
                {
                    var zeroBytes = (long)widths[s] / AwqColumns.PerWord * sizeof(uint);
                    var zeroMemory = buffers.Get(slot++, groups * zeroBytes);
                    context.Source.ReadBytes(zeros[s], firstGroup * zeroBytes, zeroMemory, groups * zeroBytes);
                    zeroRows[s] = (nint)zeroMemory;

                    var scaleMemory = buffers.Get(slot++, groups * (long)widths[s] * sizeof(ushort));
                    context.Source.ReadHalves(
                        scales[s], (long)firstGroup * widths[s], (ushort*)scaleMemory, (long)groups * widths[s], DType.F16, buffers);
                    scaleRows[s] = (nint)scaleMemory;
                }

                for (var output = 0; output < linear.Plans.Length; output++)
                {
                    var plan = linear.Plans[output];
                    var rowBytes = (long)plan.ColumnCount * sizeof(uint);
                    var memory = buffers.Get(SourceTensors.FirstFreeSlot, groups * rowBytes);
                    Combine(plan, zeroRows, scaleRows, widths, groups, memory, buffers);
                    var file = files[linear.SplitsColumns ? output : block.Rank];
                    file.Write(Bytes(memory, groups * rowBytes), block.FileRow / groupSize * rowBytes);
                }
            });
        }
        finally
        {
            ExportContext.Close(files);
        }
    }

    private static void Combine(
        ColumnPlan plan, ReadOnlySpan<nint> zeros, ReadOnlySpan<nint> scales, int[] widths, int groups, byte* destination, BlockBuffers buffers)
    {
        var words = plan.ColumnCount / AwqColumns.PerWord;
        var zeroRow = (uint*)buffers.Get(SourceTensors.FirstFreeSlot + 1, (long)words * sizeof(uint));
        var scaleRow = (ushort*)buffers.Get(SourceTensors.FirstFreeSlot + 2, (long)plan.ColumnCount * sizeof(ushort));
        Span<nint> zeroRows = stackalloc nint[zeros.Length];
        Span<nint> scaleRows = stackalloc nint[zeros.Length];
        for (var group = 0; group < groups; group++)
        {
            for (var s = 0; s < zeros.Length; s++)
            {
                zeroRows[s] = zeros[s] + ((nint)group * (widths[s] / AwqColumns.PerWord) * sizeof(uint));
                scaleRows[s] = scales[s] + ((nint)group * widths[s] * sizeof(ushort));
            }

            PlannedRow.Words(plan, zeroRows, zeroRow);
            PlannedRow.Halves(plan, scaleRows, scaleRow);
            ScaleZeroWords.Combine(zeroRow, scaleRow, (uint*)destination + ((long)group * plan.ColumnCount), words);
        }
    }

    /// <summary>Runs of whole slabs (or groups) that do not cross a rank's boundary when the ranks cut the rows.</summary>
    private List<Block> Blocks(Linear linear, int unitRows, long unitBytes)
    {
        var ranks = linear.SplitsColumns ? 1 : context.Ranks;
        var rankRows = linear.Inputs / ranks;
        var step = (int)Math.Clamp(BlockBytes / unitBytes, 1, rankRows / unitRows) * unitRows;
        var blocks = new List<Block>();
        for (var rank = 0; rank < ranks; rank++)
        {
            for (var row = 0; row < rankRows; row += step)
            {
                blocks.Add(new Block(rank, (rank * rankRows) + row, row, Math.Min(step, rankRows - row)));
            }
        }

        return blocks;
    }

    private static ReadOnlySpan<byte> Bytes(byte* memory, long byteCount) => new(memory, checked((int)byteCount));

    /// <param name="Rank">Whose rows these are (0 if every rank has all rows).</param>
    /// <param name="FirstRow">First row in the whole matrix.</param>
    /// <param name="FileRow">First row in the rank's file.</param>
    /// <param name="Rows">Rows.</param>
    private readonly record struct Block(int Rank, int FirstRow, int FileRow, int Rows);
}
