namespace LayerCake.Text.SentencePiece;

/// <summary>Merges parts of one text, one after another; its working memory is used again for each.</summary>
internal sealed class BpeMerger(PieceVocabulary vocabulary, byte[] text)
{
    private readonly MergeAgenda _agenda = new();
    private readonly Dictionary<int, int> _leftLengthOfUnused = [];
    private readonly Stack<(int Start, int Length)> _unresolved = new();
    private Symbol[] _symbols = new Symbol[64];
    private int _symbolCount;

    /// <summary>
    /// Merges <paramref name="length"/> bytes from <paramref name="start"/> and adds the resulting pieces. <paramref name="symbols"/>
    /// are the user-defined pieces to keep whole; null where the text has none.
    /// </summary>
    public void Merge(int start, int length, SymbolMatcher? symbols, PieceSequence pieces)
    {
        SplitIntoCharacters(start, length, symbols);
        for (int i = 1; i < _symbolCount; i++)
        {
            Offer(i - 1, i);
        }

        while (_agenda.TryTake(out var merge))
        {
            ref var left = ref _symbols[merge.Left];
            ref var right = ref _symbols[merge.Right];

            // One of the two has been merged with something else meanwhile.
            if (left.Length == 0 || right.Length == 0 || left.Length + right.Length != merge.Length)
            {
                continue;
            }

            left.Length = merge.Length;
            left.Next = right.Next;
            if (right.Next >= 0)
            {
                _symbols[right.Next].Previous = merge.Left;
            }

            right.Length = 0;
            Offer(left.Previous, merge.Left);
            Offer(merge.Left, left.Next);
        }

        for (int i = _symbolCount > 0 ? 0 : -1; i >= 0; i = _symbols[i].Next)
        {
            Emit(_symbols[i].Start, _symbols[i].Length, pieces);
        }

        _leftLengthOfUnused.Clear();
    }

    private void SplitIntoCharacters(int start, int length, SymbolMatcher? symbols)
    {
        _symbolCount = 0;
        int end = start + length;
        while (start < end)
        {
            var rest = text.AsSpan(start, end - start);
            int symbolLength = symbols?.LengthAtStart(rest) ?? 0;
            int taken = symbolLength > 0 ? symbolLength : Utf8Characters.LengthAtStart(rest);
            if (_symbolCount == _symbols.Length)
            {
                Array.Resize(ref _symbols, _symbols.Length * 2);
            }

            _symbols[_symbolCount] = new Symbol
            {
                Start = start,
                Length = taken,
                Previous = _symbolCount - 1,
                Next = start + taken < end ? _symbolCount + 1 : -1,
                IsFrozen = symbolLength > 0,
            };
            _symbolCount++;
            start += taken;
        }
    }

    /// <summary>Puts two neighbours on the agenda if together they are a piece.</summary>
    private void Offer(int left, int right)
    {
        if (left < 0 || right < 0 || _symbols[left].IsFrozen || _symbols[right].IsFrozen)
        {
            return;
        }

        int length = _symbols[left].Length + _symbols[right].Length;
        int id = vocabulary.FindTextPiece(text.AsSpan(_symbols[left].Start, length));
        if (id < 0)
        {
            return;
        }

        _agenda.Add(new MergeAgenda.Merge(left, right, length, vocabulary.ScoreOf(id)));
        if (vocabulary.TypeOf(id) == PieceType.Unused)
        {
            _leftLengthOfUnused[id] = _symbols[left].Length;
        }
    }

    /// <summary>Adds a piece, or the pieces it was merged from where it is an unused one.</summary>
    private void Emit(int start, int length, PieceSequence pieces)
    {
        _unresolved.Push((start, length));
        while (_unresolved.TryPop(out var part))
        {
            var bytes = text.AsSpan(part.Start, part.Length);
            int id = vocabulary.IdOf(bytes);
            if (vocabulary.TypeOf(id) == PieceType.Unused && _leftLengthOfUnused.TryGetValue(id, out int leftLength))
            {
                _unresolved.Push((part.Start + leftLength, part.Length - leftLength));
                _unresolved.Push((part.Start, leftLength));
            }
            else
            {
                pieces.Add(id, bytes);
            }
        }
    }

    private struct Symbol
    {
        public int Start;
        public int Length;
        public int Previous;
        public int Next;
        public bool IsFrozen;
    }
}
