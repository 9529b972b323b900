namespace LayerCake.Text.SentencePiece;

/// <summary>
/// Byte-pair encoding as SentencePiece does it: of all neighbours that together are a piece, merge those whose piece has the
/// highest score, the leftmost of equals first, until none is left. User-defined pieces take no part.
/// Words are merged one by one and remembered for the rest of the text wherever that gives what merging the whole text at once
/// gives (see <see cref="SpaceBoundaries"/>).
/// </summary>
internal sealed class BpeSegmenter : ISegmenter
{
    // Longer parts are rarely seen twice.
    private const int LongestRememberedPart = 64;

    private readonly PieceVocabulary _vocabulary;
    private readonly SymbolMatcher? _symbols;
    private readonly SpaceBoundaries? _boundaries;

    public BpeSegmenter(PieceVocabulary vocabulary, SymbolMatcher? symbols)
    {
        _vocabulary = vocabulary;
        _symbols = symbols;

        // How an unused piece falls apart again depends on the merge that last made it anywhere in the text: no cuts then.
        _boundaries = vocabulary.HasUnusedPieces ? null : new SpaceBoundaries(vocabulary);
    }

    public void Segment(ByteBuffer normalized, PieceSequence pieces)
    {
        var run = new Run(this, normalized, pieces);
        run.SegmentAll();
    }

    /// <summary>One text on its way.</summary>
    private sealed class Run(BpeSegmenter owner, ByteBuffer normalized, PieceSequence pieces)
    {
        private readonly BpeMerger _merger = new(owner._vocabulary, normalized.Memory);
        private readonly ByteRangeTable _seen = new(normalized.Memory, expectedCount: Math.Min(normalized.Length / 16, 16384));
        private readonly List<(int Start, int Count)> _results = [];

        public void SegmentAll()
        {
            var text = normalized.Content;
            if (owner._symbols is null)
            {
                SegmentBetweenSymbols(0, text.Length);
                return;
            }

            // Unused pieces tie the whole text together, so the merger then gets it at once, symbols and all.
            if (owner._boundaries is null)
            {
                _merger.Merge(0, text.Length, owner._symbols, pieces);
                return;
            }

            int position = 0;
            while (owner._symbols.IndexIn(text[position..], out int length) is >= 0 and int ahead)
            {
                SegmentBetweenSymbols(position, position + ahead);
                var symbol = text.Slice(position + ahead, length);
                pieces.Add(owner._vocabulary.IdOf(symbol), symbol);
                position += ahead + length;
            }

            SegmentBetweenSymbols(position, text.Length);
        }

        private void SegmentBetweenSymbols(int start, int end)
        {
            var text = normalized.Content;
            while (start < end)
            {
                int length = owner._boundaries?.FirstPart(text[start..end]) ?? end - start;
                SegmentPart(start, length);
                start += length;
            }
        }

        private void SegmentPart(int start, int length)
        {
            if (length > LongestRememberedPart)
            {
                _merger.Merge(start, length, symbols: null, pieces);
                return;
            }

            var part = normalized.Content.Slice(start, length);
            uint hash = ByteRangeTable.Hash(part);
            if (_seen.Find(part, hash) is >= 0 and int known)
            {
                (int from, int count) = _results[known];
                pieces.Repeat(from, count);
                return;
            }

            bool alone = !pieces.EndsUnknown;
            int before = pieces.Count;
            _merger.Merge(start, length, symbols: null, pieces);
            if (alone)
            {
                _seen.Add(start, length, hash, _results.Count);
                _results.Add((before, pieces.Count - before));
            }
        }
    }
}
