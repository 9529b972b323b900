using System.Collections.Immutable;

namespace LayerCake.TurboMind;

/// <summary>
/// A run of output columns. A copy takes <see cref="Count"/> consecutive columns of one source; a zip alternates one column of each
/// of two runs: output columns 2j and 2j+1 are columns j of the first and of the second run.
/// </summary>
/// <param name="First">Index of the (first) source matrix.</param>
/// <param name="FirstColumn">Its first column.</param>
/// <param name="Second">Index of the second source matrix of a zip, or -1 for a copy.</param>
/// <param name="SecondColumn">Its first column.</param>
/// <param name="Count">Output columns.</param>
internal readonly record struct ColumnSegment(int First, int FirstColumn, int Second, int SecondColumn, int Count)
{
    public bool IsZip => Second >= 0;

    public static ColumnSegment Copy(int source, int column, int count) => new(source, column, -1, 0, count);

    public static ColumnSegment Zip(int first, int firstColumn, int second, int secondColumn, int count) =>
        new(first, firstColumn, second, secondColumn, count);
}

/// <summary>
/// Where each output column of one rank's matrix comes from. The rotary permutation and the gate/up fusion of TurboMind are both zips,
/// so one plan serves codes, zeros, scales and biases alike.
/// </summary>
internal sealed class ColumnPlan
{
    private ColumnPlan(IEnumerable<ColumnSegment> segments)
    {
        Segments = [.. segments];
        ColumnCount = Segments.Sum(segment => segment.Count);
    }

    public ImmutableArray<ColumnSegment> Segments { get; }

    public int ColumnCount { get; }

    /// <summary>
    /// Sources 0, 1, 2 are q, k, v. The rank's query heads, its key heads, its value heads, side by side. A query or key head goes from
    /// half-split to interleaved rotary pairs: output columns 2j and 2j+1 of a head are its source columns j and 64+j.
    /// </summary>
    public static ColumnPlan QueryKeyValue(int headCount, int keyValueHeadCount, int ranks, int rank)
    {
        const int head = EngineConfiguration.HeadSize;
        var segments = new List<ColumnSegment>();
        for (var source = 0; source < 2; source++)
        {
            var local = (source == 0 ? headCount : keyValueHeadCount) / ranks;
            for (var index = rank * local; index < (rank + 1) * local; index++)
            {
                segments.Add(ColumnSegment.Zip(source, index * head, source, (index * head) + (head / 2), head));
            }
        }

        var width = keyValueHeadCount / ranks * head;
        segments.Add(ColumnSegment.Copy(2, rank * width, width));
        return new ColumnPlan(segments);
    }

    /// <summary>Sources 0 and 1 are w1 (gate) and w3 (up): the rank's columns of both, alternating, gate first.</summary>
    public static ColumnPlan GateUp(int intermediateSize, int ranks, int rank)
    {
        var width = intermediateSize / ranks;
        return new ColumnPlan([ColumnSegment.Zip(0, rank * width, 1, rank * width, 2 * width)]);
    }

    /// <summary>The rank's consecutive columns of the only source.</summary>
    public static ColumnPlan Slice(int columnCount, int ranks, int rank) =>
        new([ColumnSegment.Copy(0, rank * (columnCount / ranks), columnCount / ranks)]);

    /// <summary>All columns of the only source.</summary>
    public static ColumnPlan Whole(int columnCount) => Slice(columnCount, 1, 0);

    /// <summary>The plan in pieces of at most <paramref name="columns"/> output columns (an even number), with the output column each begins at.</summary>
    public IEnumerable<(ColumnSegment Piece, int OutputColumn)> Pieces(int columns)
    {
        var output = 0;
        foreach (var segment in Segments)
        {
            for (var done = 0; done < segment.Count; done += columns)
            {
                var skipped = segment.IsZip ? done / 2 : done;
                yield return (
                    segment with
                    {
                        FirstColumn = segment.FirstColumn + skipped,
                        SecondColumn = segment.IsZip ? segment.SecondColumn + skipped : 0,
                        Count = Math.Min(columns, segment.Count - done),
                    },
                    output + done);
            }

            output += segment.Count;
        }
    }
}
