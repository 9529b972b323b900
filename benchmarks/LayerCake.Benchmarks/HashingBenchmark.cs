using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;

namespace LayerCake.Benchmarks;

/// <summary>SHA-256 of 64 MB, the floor under everything the store reads and writes.</summary>
public class HashingBenchmark
{
    private readonly byte[] _content = new byte[64 << 20];

    [GlobalSetup]
    public void Fill() => new Random(1).NextBytes(_content);

    [Benchmark(Description = "SHA-256, 64 MiB")]
    public byte[] Hash() => SHA256.HashData(_content);
}
