using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace LayerCake.TurboMind;

/// <summary>One rank's 4-bit matrix, laid out 32 inputs at a time from AWQ rows.</summary>
internal sealed unsafe class Int4Slab
{
    // 128 columns are one cache line of AWQ words a row, and one head.
    private const int PieceColumns = 128;
    private const int PieceWords = PieceColumns / AwqColumns.PerWord;

    private readonly ImmutableArray<(ColumnSegment Piece, int OutputColumn)> _pieces;

    public Int4Slab(ColumnPlan plan)
    {
        Plan = plan;
        _pieces = [.. plan.Pieces(PieceColumns)];
        if (_pieces.Any(piece => piece.Piece.Count % TilePacker.Side != 0))
        {
            throw new ArgumentException("every run of an int4 plan must be whole tiles wide", nameof(plan));
        }
    }

    public ColumnPlan Plan { get; }

    /// <summary>Bytes of 32 inputs.</summary>
    public long ByteCount => (long)Plan.ColumnCount / TilePacker.Side * TilePacker.BytesPerTile;

    /// <summary>Writes the tiles of 32 inputs.</summary>
    /// <param name="sources">Row 0 of each source matrix (AWQ words).</param>
    /// <param name="strides">Words of a row of each.</param>
    /// <param name="destination"><see cref="ByteCount"/> bytes.</param>
    [SkipLocalsInit]
    public void Pack(ReadOnlySpan<nint> sources, ReadOnlySpan<int> strides, uint* destination)
    {
        var scratch = stackalloc uint[TilePacker.Side * PieceWords];
        foreach (var (piece, column) in _pieces)
        {
            var tiles = destination + ((long)column / TilePacker.Side * TilePacker.WordsPerTile);
            var first = (uint*)sources[piece.First] + (piece.FirstColumn / AwqColumns.PerWord);
            var stride = strides[piece.First];
            if (!piece.IsZip)
            {
                TilePacker.Pack(first, stride, piece.Count / TilePacker.Side, tiles);
                continue;
            }

            var second = (uint*)sources[piece.Second] + (piece.SecondColumn / AwqColumns.PerWord);
            var secondStride = strides[piece.Second];
            var words = piece.Count / AwqColumns.PerWord / 2;
            for (var row = 0; row < TilePacker.Side; row++)
            {
                AwqColumns.Zip(first + ((nint)row * stride), second + ((nint)row * secondStride), scratch + (row * PieceWords), words);
            }

            TilePacker.Pack(scratch, PieceWords, piece.Count / TilePacker.Side, tiles);
        }
    }
}
