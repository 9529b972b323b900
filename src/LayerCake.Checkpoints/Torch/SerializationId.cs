using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace LayerCake.Checkpoints;

/// <summary>
/// The 40 digits PyTorch writes as <c>.data/serialization_id</c> (PyTorchStreamWriter::writeSerializationId): 20 that combine the names of all records before
/// it, 20 that combine their checksums. Names are combined in the iteration order of a std::unordered_set, so hash and table of libstdc++ are followed here;
/// it is the last thing that an archive needs to be the one PyTorch's Linux builds would have written, byte for byte.
/// </summary>
internal static class SerializationId
{
    public const int ByteCount = 40;

    /// <param name="records">Name (without the archive's folder) and CRC-32, in the order written.</param>
    public static byte[] Of(IReadOnlyList<(string Name, uint Crc32)> records)
    {
        var names = new NameTable(records.Count);
        var checksums = 0UL;
        foreach (var (name, crc32) in records)
        {
            names.Add(Hash(Encoding.UTF8.GetBytes(name)));
            checksums = Combine(checksums, crc32);
        }

        return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{names.Combined():D20}{checksums:D20}"));
    }

    /// <summary>c10::hash_combine.</summary>
    private static ulong Combine(ulong seed, ulong value) => unchecked(seed ^ (value + 0x9e3779b9 + (seed << 6) + (seed >> 2)));

    /// <summary>std::hash of a string in libstdc++: MurmurHash64A with the seed 0xc70f6907 (libsupc++/hash_bytes.cc).</summary>
    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        const ulong Multiplier = 0xc6a4a7935bd1e995;
        unchecked
        {
            var hash = 0xc70f6907UL ^ ((ulong)bytes.Length * Multiplier);
            for (; bytes.Length >= 8; bytes = bytes[8..])
            {
                hash = (hash ^ (Mix(BinaryPrimitives.ReadUInt64LittleEndian(bytes) * Multiplier) * Multiplier)) * Multiplier;
            }

            if (bytes.Length > 0)
            {
                Span<byte> rest = stackalloc byte[8];
                rest.Clear();
                bytes.CopyTo(rest);
                hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(rest)) * Multiplier;
            }

            return Mix(Mix(hash) * Multiplier);
        }

        static ulong Mix(ulong value) => value ^ (value >> 47);
    }

    /// <summary>
    /// Hashes in the order in which a std::unordered_set holds them: one linked list, in which the elements of a bucket stand together. A new element goes to
    /// the front of its bucket, or of the whole list when the bucket is empty; growing inserts all again in list order (bits/hashtable.h).
    /// </summary>
    private sealed class NameTable(int capacity)
    {
        private const int Nothing = -1;

        /// <summary>The node before the first one: a bucket refers to the node before its first element.</summary>
        private const int BeforeBegin = 0;

        /// <summary>The bucket counts libstdc++ passes through when it grows one element at a time at load factor 1.</summary>
        private static readonly ImmutableArray<int> BucketCounts =
            [13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172933, 351061, 712697, 1447153, 2938679, 5967347];

        private readonly ulong[] _hashes = new ulong[capacity + 1];
        private readonly int[] _next = new int[capacity + 1];
        private int[] _buckets = NewBuckets(BucketCounts[0]);
        private int _growth;
        private int _count;

        public void Add(ulong hash)
        {
            if (_count == 0)
            {
                _next[BeforeBegin] = Nothing;
            }
            else if (_count + 1 > _buckets.Length)
            {
                Grow();
            }

            _hashes[++_count] = hash;
            Link(_count);
        }

        public ulong Combined()
        {
            var combined = 0UL;
            for (var node = _count == 0 ? Nothing : _next[BeforeBegin]; node != Nothing; node = _next[node])
            {
                combined = Combine(combined, _hashes[node]);
            }

            return combined;
        }

        private void Grow()
        {
            _buckets = NewBuckets(BucketCounts[++_growth]);
            var node = _next[BeforeBegin];
            _next[BeforeBegin] = Nothing;
            while (node != Nothing)
            {
                var next = _next[node];
                Link(node);
                node = next;
            }
        }

        private void Link(int node)
        {
            ref var bucket = ref _buckets[Bucket(node)];
            if (bucket != Nothing)
            {
                (_next[node], _next[bucket]) = (_next[bucket], node);
                return;
            }

            var first = _next[BeforeBegin];
            _next[node] = first;
            _next[BeforeBegin] = node;
            bucket = BeforeBegin;
            if (first != Nothing)
            {
                _buckets[Bucket(first)] = node;
            }
        }

        private int Bucket(int node) => (int)(_hashes[node] % (uint)_buckets.Length);

        private static int[] NewBuckets(int count)
        {
            var buckets = new int[count];
            Array.Fill(buckets, Nothing);
            return buckets;
        }
    }
}
