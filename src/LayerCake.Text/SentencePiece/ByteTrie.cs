namespace LayerCake.Text.SentencePiece;

/// <summary>A trie over byte strings in flat arrays: the children of a node lie side by side, in the order of their bytes.</summary>
internal sealed class ByteTrie
{
    /// <summary>The node of the empty string.</summary>
    public const int Root = 0;

    private readonly byte[] _labels;
    private readonly int[] _firstChild;
    private readonly int[] _values;

    private ByteTrie(byte[] labels, int[] firstChild, int[] values)
    {
        _labels = labels;
        _firstChild = firstChild;
        _values = values;
    }

    /// <summary>Builds a trie of distinct, non-empty keys, the texts of these ids.</summary>
    public static ByteTrie Build(PieceVocabulary vocabulary, int[] ids)
    {
        int[] sorted = [.. ids];
        sorted.AsSpan().Sort((a, b) => vocabulary.TextOf(a).SequenceCompareTo(vocabulary.TextOf(b)));

        // Breadth first: a node is the run of sorted keys that share its prefix, and its children are numbered together.
        var labels = new List<byte> { 0 };
        var firstChild = new List<int>();
        var values = new List<int>();
        var runs = new Queue<(int Start, int End, int Depth)>();
        runs.Enqueue((0, sorted.Length, 0));
        while (runs.TryDequeue(out var run))
        {
            (int start, int end, int depth) = run;
            bool endsHere = start < end && vocabulary.TextOf(sorted[start]).Length == depth;
            values.Add(endsHere ? sorted[start] : -1);
            firstChild.Add(labels.Count);
            int next = endsHere ? start + 1 : start;
            while (next < end)
            {
                byte label = vocabulary.TextOf(sorted[next])[depth];
                int childStart = next;
                while (next < end && vocabulary.TextOf(sorted[next])[depth] == label)
                {
                    next++;
                }

                labels.Add(label);
                runs.Enqueue((childStart, next, depth + 1));
            }
        }

        firstChild.Add(labels.Count);
        return new ByteTrie([.. labels], [.. firstChild], [.. values]);
    }

    /// <summary>The child of <paramref name="node"/> along <paramref name="label"/>, or -1.</summary>
    public int Child(int node, byte label)
    {
        int first = _firstChild[node];
        int index = _labels.AsSpan(first, _firstChild[node + 1] - first).IndexOf(label);
        return index < 0 ? -1 : first + index;
    }

    /// <summary>The id whose text ends at <paramref name="node"/>, or -1.</summary>
    public int ValueAt(int node) => _values[node];

    /// <summary>The id of the longest key that <paramref name="text"/> begins with, or -1.</summary>
    public int LongestPrefix(ReadOnlySpan<byte> text)
    {
        int found = -1;
        int node = Root;
        foreach (byte b in text)
        {
            node = Child(node, b);
            if (node < 0)
            {
                break;
            }

            found = _values[node] >= 0 ? _values[node] : found;
        }

        return found;
    }
}
