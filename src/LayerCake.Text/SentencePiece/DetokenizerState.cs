namespace LayerCake.Text.SentencePiece;

/// <summary>Where decoding is after some ids.</summary>
internal sealed class DetokenizerState(int capacity) : IDisposable
{
    private bool _hasTaken;

    /// <summary>Text that has not been handed out.</summary>
    public ByteBuffer Output { get; } = new(capacity);

    /// <summary>The values of the byte pieces that came last.</summary>
    public ByteBuffer Bytes { get; } = new(16);

    /// <summary>Until something visible has come, a space is the one that encoding put in front of the text.</summary>
    public bool AtStart { get; set; } = true;

    /// <summary>Whether the last piece lost that space.</summary>
    public bool DroppedSpace { get; set; }

    public bool HasOutput => _hasTaken || Output.Length > 0;

    /// <summary>Hands out the first bytes of <see cref="Output"/> as text.</summary>
    public string Take(int count)
    {
        string text = Utf8Characters.Decode(Output.Content[..count]);
        Output.RemoveFirst(count);
        _hasTaken = true;
        return text;
    }

    public void Dispose()
    {
        Output.Dispose();
        Bytes.Dispose();
    }
}
