using System.Numerics;

namespace LayerCake.Text;

/// <summary>
/// The generator behind Python's <c>random</c> module after <c>random.seed(n)</c>: MT19937 (Matsumoto and Nishimura, 1998) seeded
/// with <c>init_by_array</c> over the 32-bit words of <c>n</c>. Same seed, same draws as CPython; not thread-safe.
/// </summary>
public sealed class PythonRandom
{
    private const int StateLength = 624;
    private const int Middle = 397;

    private readonly uint[] _state = new uint[StateLength];
    private int _next = StateLength;

    /// <summary>As <c>random.seed(seed)</c>: an integer of any size, of which Python takes the magnitude.</summary>
    public PythonRandom(BigInteger seed)
    {
        SeedWith(WordsOf(BigInteger.Abs(seed)));
    }

    /// <summary>As <c>random.getrandbits(bitCount)</c>.</summary>
    /// <param name="bitCount">0 to 64.</param>
    public ulong GetRandomBits(int bitCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bitCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bitCount, 64);

        if (bitCount == 0)
        {
            return 0;
        }

        // More than one word: the first drawn is the least significant, and only the last is cut.
        if (bitCount <= 32)
        {
            return NextWord() >> (32 - bitCount);
        }

        ulong low = NextWord();
        return low | ((ulong)(NextWord() >> (64 - bitCount)) << 32);
    }

    /// <summary>As <c>random.randint(low, high)</c>: both ends are included.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="high"/> lies below <paramref name="low"/>.</exception>
    public long RandInt(long low, long high)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(high, low);

        var count = (UInt128)((Int128)high - low) + 1;

        // The bit length of the count itself, not of its largest value: a power of two rejects about half of the draws. That is
        // what Python does, so the stream of outputs only matches with it.
        int bitCount = 128 - (int)UInt128.LeadingZeroCount(count);
        if (bitCount > 64)
        {
            throw new ArgumentOutOfRangeException(nameof(high), high, "The range holds more than 2^64 - 1 values.");
        }

        ulong drawn;
        do
        {
            drawn = GetRandomBits(bitCount);
        }
        while (drawn >= count);

        return (long)((Int128)low + drawn);
    }

    private static uint[] WordsOf(BigInteger magnitude)
    {
        byte[] bytes = magnitude.ToByteArray(isUnsigned: true);
        var words = new uint[Math.Max(1, (bytes.Length + 3) / 4)];
        for (int i = 0; i < bytes.Length; i++)
        {
            words[i / 4] |= (uint)bytes[i] << (8 * (i % 4));
        }

        return words;
    }

    /// <summary><c>init_by_array</c> of mt19937ar.c, the reference implementation.</summary>
    private void SeedWith(ReadOnlySpan<uint> key)
    {
        _state[0] = 19650218;
        for (int n = 1; n < StateLength; n++)
        {
            _state[n] = (1812433253 * (_state[n - 1] ^ (_state[n - 1] >> 30))) + (uint)n;
        }

        int i = 1;
        int j = 0;
        for (int k = Math.Max(StateLength, key.Length); k > 0; k--)
        {
            _state[i] = (_state[i] ^ ((_state[i - 1] ^ (_state[i - 1] >> 30)) * 1664525)) + key[j] + (uint)j;
            i = Advance(i);
            j = j + 1 < key.Length ? j + 1 : 0;
        }

        for (int k = StateLength - 1; k > 0; k--)
        {
            _state[i] = (_state[i] ^ ((_state[i - 1] ^ (_state[i - 1] >> 30)) * 1566083941)) - (uint)i;
            i = Advance(i);
        }

        _state[0] = 0x8000_0000;
    }

    /// <summary>The next place of the seeding walk, which goes round the state and carries its last word to its first.</summary>
    private int Advance(int i)
    {
        if (i + 1 < StateLength)
        {
            return i + 1;
        }

        _state[0] = _state[StateLength - 1];
        return 1;
    }

    private uint NextWord()
    {
        if (_next == StateLength)
        {
            Twist();
            _next = 0;
        }

        uint y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C_5680;
        y ^= (y << 15) & 0xEFC6_0000;
        return y ^ (y >> 18);
    }

    private void Twist()
    {
        for (int n = 0; n < StateLength; n++)
        {
            uint y = (_state[n] & 0x8000_0000) | (_state[(n + 1) % StateLength] & 0x7FFF_FFFF);
            uint mixed = _state[(n + Middle) % StateLength] ^ (y >> 1);
            _state[n] = (y & 1) == 0 ? mixed : mixed ^ 0x9908_B0DF;
        }
    }
}
