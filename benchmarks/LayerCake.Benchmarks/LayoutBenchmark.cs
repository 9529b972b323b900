using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using LayerCake.TurboMind;

namespace LayerCake.Benchmarks;

/// <summary>convert's kernel for int4 on one thread: AWQ words of a 4096 × 11008 linear (22.5 MB) into the engine's tiles.</summary>
public unsafe class LayoutBenchmark
{
    private const int Inputs = 4096;
    private const int WordsPerRow = 11008 / 8;

    private uint* _source;
    private uint* _tiles;

    [GlobalSetup]
    public void Fill()
    {
        var bytes = (nuint)Inputs * WordsPerRow * sizeof(uint);
        _source = (uint*)NativeMemory.AlignedAlloc(bytes, 64);
        _tiles = (uint*)NativeMemory.AlignedAlloc(bytes, 64);
        new Random(1).NextBytes(new Span<byte>(_source, (int)bytes));
        new Span<byte>(_tiles, (int)bytes).Clear();
    }

    [GlobalCleanup]
    public void Remove()
    {
        NativeMemory.AlignedFree(_source);
        NativeMemory.AlignedFree(_tiles);
    }

    [Benchmark(Description = "tile int4, 22.5 MB of AWQ words")]
    public void Tile()
    {
        for (var input = 0; input < Inputs; input += TilePacker.Side)
        {
            TilePacker.Pack(_source + ((nint)input * WordsPerRow), WordsPerRow, WordsPerRow / 4, _tiles + ((nint)input * WordsPerRow));
        }
    }

    [Benchmark(Baseline = true, Description = "copy of the same bytes")]
    public void Copy() => NativeMemory.Copy(_source, _tiles, (nuint)Inputs * WordsPerRow * sizeof(uint));
}
