using System.Runtime.InteropServices;

namespace LayerCake.Text.SentencePiece;

/// <summary>The ids of a text as they are found, with the rules for what no piece covers.</summary>
internal sealed class PieceSequence
{
    private readonly PieceVocabulary _vocabulary;
    private readonly List<int> _ids;

    public PieceSequence(PieceVocabulary vocabulary, int capacity)
    {
        _vocabulary = vocabulary;
        _ids = new List<int>(capacity);
    }

    public int Count => _ids.Count;

    /// <summary>Whether the next piece, if unknown, would be one with the last.</summary>
    public bool EndsUnknown => _ids.Count > 0 && _ids[^1] == _vocabulary.UnknownId;

    public int[] ToArray() => [.. _ids];

    /// <summary>Adds a piece. An unknown one becomes its bytes or, without byte fallback, one with the unknown one before it.</summary>
    public void Add(int id, ReadOnlySpan<byte> text)
    {
        if (id != _vocabulary.UnknownId)
        {
            _ids.Add(id);
        }
        else if (_vocabulary.ByteFallback)
        {
            foreach (byte b in text)
            {
                _ids.Add(_vocabulary.IdOfByte(b));
            }
        }
        else if (_ids.Count == 0 || _ids[^1] != id)
        {
            _ids.Add(id);
        }
    }

    /// <summary>Adds again what was added from <paramref name="start"/> on, where it did not join what stood before.</summary>
    public void Repeat(int start, int count)
    {
        int skipped = EndsUnknown && _ids[start] == _vocabulary.UnknownId ? 1 : 0;
        int end = _ids.Count;
        CollectionsMarshal.SetCount(_ids, end + count - skipped);
        var all = CollectionsMarshal.AsSpan(_ids);
        all.Slice(start + skipped, count - skipped).CopyTo(all[end..]);
    }
}
