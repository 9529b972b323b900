namespace LayerCake.Text.SentencePiece;

/// <summary>
/// The most probable way to cut the text into pieces, found by one pass (Viterbi). The types of the sums (single precision kept,
/// double precision compared) and the order of comparison are SentencePiece's, so that near ties end the same.
/// </summary>
internal sealed class UnigramSegmenter : ISegmenter
{
    private const float UnknownPenalty = 10;

    private readonly PieceVocabulary _vocabulary;
    private readonly ByteTrie _trie;
    private readonly float _unknownScore;
    private readonly float _highestScore;

    public UnigramSegmenter(PieceVocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        _trie = ByteTrie.Build(vocabulary, vocabulary.IdsOf(PieceType.Normal, PieceType.UserDefined, PieceType.Unused));

        float lowest = float.MaxValue;

        // The smallest positive number, not the most negative one: as the original has it.
        _highestScore = 1.17549435e-38f;
        for (int id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.TypeOf(id) == PieceType.Normal)
            {
                lowest = Math.Min(lowest, vocabulary.ScoreOf(id));
                _highestScore = Math.Max(_highestScore, vocabulary.ScoreOf(id));
            }
        }

        _unknownScore = lowest - UnknownPenalty;
    }

    public void Segment(ByteBuffer normalized, PieceSequence pieces)
    {
        var text = normalized.Content;
        var best = new Ending[text.Length + 1];
        best.AsSpan().Fill(new Ending { Start = -1 });
        for (int start = 0; start < text.Length;)
        {
            int characterLength = Utf8Characters.LengthAtStart(text[start..]);
            if (!AddPiecesFrom(text, start, characterLength, best))
            {
                Improve(ref best[start + characterLength], (float)(_unknownScore + best[start].Score), start, _vocabulary.UnknownId);
            }

            start += characterLength;
        }

        var ends = new Stack<int>();
        for (int end = text.Length; end > 0; end = best[end].Start)
        {
            ends.Push(end);
        }

        foreach (int end in ends)
        {
            pieces.Add(best[end].Id, text[best[end].Start..end]);
        }
    }

    private static void Improve(ref Ending ending, double score, int start, int id)
    {
        if (ending.Start < 0 || score > ending.Score)
        {
            ending = new Ending { Start = start, Id = id, Score = (float)score };
        }
    }

    /// <summary>Tries every piece that begins here; returns whether one of them is a single character.</summary>
    private bool AddPiecesFrom(ReadOnlySpan<byte> text, int start, int characterLength, Ending[] best)
    {
        bool hasSingle = false;
        int node = ByteTrie.Root;
        float scoreHere = best[start].Score;
        for (int end = start + 1; end <= text.Length; end++)
        {
            node = _trie.Child(node, text[end - 1]);
            if (node < 0)
            {
                break;
            }

            int id = _trie.ValueAt(node);
            if (id < 0 || _vocabulary.TypeOf(id) == PieceType.Unused)
            {
                continue;
            }

            // A user-defined piece gets a bonus that lets it win against all that cover the same bytes.
            int length = end - start;
            double score = _vocabulary.TypeOf(id) == PieceType.UserDefined
                ? ((float)length * _highestScore) - 0.1
                : _vocabulary.ScoreOf(id);
            Improve(ref best[end], score + scoreHere, start, id);
            hasSingle |= length == characterLength;
        }

        return hasSingle;
    }

    /// <summary>The best way to cut the text up to some byte: its last piece and the sum of the scores.</summary>
    private struct Ending
    {
        public int Start;
        public int Id;
        public float Score;
    }
}
