namespace LayerCake.Runtime;

/// <summary>The tokens of one forward pass: some of each sequence, their rows one after the other. Reused from pass to pass.</summary>
internal sealed class ForwardBatch
{
    private readonly List<Segment> _segments = [];
    private readonly List<int> _ids = [];
    private readonly List<bool> _decoded = [];

    public IReadOnlyList<Segment> Segments => _segments;

    public int RowCount => _ids.Count;

    /// <summary>The token of each row.</summary>
    public IReadOnlyList<int> Ids => _ids;

    /// <summary>
    /// Whether each row is computed as a decoding step is (its own key and value unquantized, the others read back in float32) or as a prompt is.
    /// </summary>
    public IReadOnlyList<bool> Decoded => _decoded;

    public void Clear()
    {
        _segments.Clear();
        _ids.Clear();
        _decoded.Clear();
    }

    /// <summary>Begins a segment; its tokens are added next.</summary>
    public void Add(Segment segment)
    {
        segment.FirstRow = RowCount;
        segment.Count = 0;
        _segments.Add(segment);
    }

    /// <summary>Adds a token to the newest segment.</summary>
    public void Add(int id, bool decoded)
    {
        _ids.Add(id);
        _decoded.Add(decoded);
        _segments[^1].Count++;
    }
}
