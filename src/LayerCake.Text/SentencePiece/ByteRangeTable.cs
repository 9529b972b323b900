using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LayerCake.Text.SentencePiece;

/// <summary>
/// A hash table from byte strings to numbers that keeps no copy of its keys: they are ranges of one buffer, which must stay as it is.
/// Reading is thread-safe once nothing is added any more. Looking up is compiled at its best from the first call: a whole text is
/// often encoded before the runtime would have noticed that it is worth it.
/// </summary>
internal sealed class ByteRangeTable
{
    private readonly byte[] _buffer;
    private Slot[] _slots;
    private int _count;

    public ByteRangeTable(byte[] buffer, int expectedCount)
    {
        _buffer = buffer;
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, expectedCount * 2L))];
    }

    /// <summary>The value of <paramref name="key"/>, or -1.</summary>
    public int Find(ReadOnlySpan<byte> key) => Find(key, Hash(key));

    /// <summary>As <see cref="Find(ReadOnlySpan{byte})"/>, with the key's <see cref="Hash"/> known.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Find(ReadOnlySpan<byte> key, uint hash)
    {
        uint mask = (uint)_slots.Length - 1;
        for (uint i = hash & mask; ; i = (i + 1) & mask)
        {
            ref readonly var slot = ref _slots[i];
            if (slot.Length == 0)
            {
                return -1;
            }

            if (slot.Hash == hash && slot.Length == key.Length && _buffer.AsSpan(slot.Start, slot.Length).SequenceEqual(key))
            {
                return slot.Value;
            }
        }
    }

    /// <summary>Adds a key that is not there yet: <paramref name="length"/> bytes of the buffer, at least one.</summary>
    public void Add(int start, int length, uint hash, int value)
    {
        if ((_count + 1L) * 2 > _slots.Length)
        {
            Grow();
        }

        Place(_slots, new Slot { Hash = hash, Start = start, Length = length, Value = value });
        _count++;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Hash(ReadOnlySpan<byte> key)
    {
        ulong hash = (ulong)key.Length * 0x9E37_79B9_7F4A_7C15;
        while (key.Length >= 8)
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(key));
            key = key[8..];
        }

        ulong rest = 0;
        foreach (byte b in key)
        {
            rest = (rest << 8) | b;
        }

        hash = Mix(hash ^ rest);
        return (uint)(hash ^ (hash >> 32));
    }

    private static ulong Mix(ulong value)
    {
        value *= 0xFF51_AFD7_ED55_8CCD;
        return value ^ (value >> 32);
    }

    private static void Place(Slot[] slots, in Slot slot)
    {
        uint mask = (uint)slots.Length - 1;
        uint i = slot.Hash & mask;
        while (slots[i].Length != 0)
        {
            i = (i + 1) & mask;
        }

        slots[i] = slot;
    }

    private void Grow()
    {
        var larger = new Slot[_slots.Length * 2];
        foreach (ref readonly var slot in _slots.AsSpan())
        {
            if (slot.Length != 0)
            {
                Place(larger, slot);
            }
        }

        _slots = larger;
    }

    private struct Slot
    {
        public uint Hash;
        public int Start;
        public int Length;
        public int Value;
    }
}
