using BenchmarkDotNet.Attributes;
using LayerCake.Quantization.Int4;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Smoothing;

namespace LayerCake.Benchmarks;

/// <summary>auto_awq's kernels on one thread, at the shape of a 7B model's MLP: 90 MB of float16 weights.</summary>
public class Int4Benchmark
{
    private const int Outputs = 11008;
    private const int Inputs = 4096;
    private const int GroupSize = 128;

    private readonly BufferPool _pool = new();
    private HalfMatrix _weight = null!;
    private PackedLinear _packed = null!;

    [GlobalSetup]
    public void Fill()
    {
        _weight = new HalfMatrix("weight", Outputs, Inputs, _pool);
        _packed = new PackedLinear(Outputs, Inputs, GroupSize, _pool);
        var random = new Random(1);
        for (var row = 0; row < Outputs; row++)
        {
            SyntheticCheckpoint.FillWithWeights(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_weight.Row(row)), random);
        }
    }

    [GlobalCleanup]
    public void Remove()
    {
        _packed.Dispose();
        _weight.Dispose();
        _pool.Dispose();
    }

    [Benchmark(Description = "quantize and pack, 90 MB of float16")]
    public double QuantizeAndPack() => Int4Quantizer.Quantize(_weight, _packed, threads: 1, CancellationToken.None);

    [Benchmark(Description = "weight importance (smoothing), 90 MB of float16")]
    public Half[] Importance() => WeightImportance.Of([_weight], GroupSize, threads: 1, CancellationToken.None);
}
