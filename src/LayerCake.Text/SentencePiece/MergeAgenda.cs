using System.Runtime.CompilerServices;

namespace LayerCake.Text.SentencePiece;

/// <summary>
/// The merges that are possible, best first: the highest score, then what stands furthest left. A binary heap of its own
/// because this is the innermost loop of encoding: no comparer is called through an interface.
/// </summary>
internal sealed class MergeAgenda
{
    private Merge[] _heap = new Merge[64];
    private int _count;

    /// <summary>Two neighbours, by their places, the length of both together, and the score of the piece they make.</summary>
    internal readonly record struct Merge(int Left, int Right, int Length, float Score)
    {
        public bool IsBefore(in Merge other) => Score > other.Score || (Score == other.Score && Left < other.Left);
    }

    public void Add(in Merge merge)
    {
        if (_count == _heap.Length)
        {
            Array.Resize(ref _heap, _heap.Length * 2);
        }

        int place = _count++;
        while (place > 0)
        {
            int parent = (place - 1) / 2;
            if (!merge.IsBefore(_heap[parent]))
            {
                break;
            }

            _heap[place] = _heap[parent];
            place = parent;
        }

        _heap[place] = merge;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryTake(out Merge best)
    {
        if (_count == 0)
        {
            best = default;
            return false;
        }

        best = _heap[0];
        var last = _heap[--_count];
        int place = 0;
        for (int child = 1; child < _count; child = (2 * place) + 1)
        {
            if (child + 1 < _count && _heap[child + 1].IsBefore(_heap[child]))
            {
                child++;
            }

            if (!_heap[child].IsBefore(last))
            {
                break;
            }

            _heap[place] = _heap[child];
            place = child;
        }

        _heap[place] = last;
        return true;
    }
}
