namespace LayerCake.Reconstruction;

/// <summary>Goes through samples again and again, each time in another order (Fisher–Yates with SplitMix64).</summary>
internal sealed class SampleOrder(IEnumerable<int> samples, uint seed, int span)
{
    private readonly int[] _order = [.. samples];
    private ulong _state = ((ulong)seed << 32) + (ulong)span;
    private int _place = int.MaxValue;

    public int[] Next(int count)
    {
        var batch = new int[Math.Min(count, _order.Length)];
        for (var i = 0; i < batch.Length; i++)
        {
            if (_place >= _order.Length)
            {
                Shuffle();
            }

            batch[i] = _order[_place++];
        }

        return batch;
    }

    private void Shuffle()
    {
        for (var last = _order.Length - 1; last > 0; last--)
        {
            var other = (int)(Random() % (ulong)(last + 1));
            (_order[last], _order[other]) = (_order[other], _order[last]);
        }

        _place = 0;
    }

    private ulong Random()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
