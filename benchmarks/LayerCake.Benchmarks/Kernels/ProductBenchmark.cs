using BenchmarkDotNet.Attributes;
using LayerCake.Kernels;

namespace LayerCake.Benchmarks.Kernels;

/// <summary>The products of <see cref="ProductTable"/> one by one, all cores. A prompt of 64 tokens beside a decoding step.</summary>
public class ProductBenchmark
{
    private WorkerPool _workers = null!;
    private ProductOperands _operands = null!;
    private Contender _contender = null!;
    private int _copy;

    [Params("plain read of the int4 weights", "int4, packed", "float16, ours", "float16, libtorch", "bfloat16, libtorch", "float32, libtorch")]
    public string Weights { get; set; } = "";

    [Params("4096x4096", "4096x11008", "11008x4096")]
    public string Shape { get; set; } = "";

    [Params(1, 64)]
    public int Rows { get; set; }

    [GlobalSetup]
    public void Create()
    {
        var sides = Shape.Split('x').Select(int.Parse).ToArray();
        _workers = new WorkerPool(Environment.ProcessorCount);
        _operands = new ProductOperands(sides[0], sides[1], Rows, _workers);
        _contender = _operands.All().First(contender => contender.Name == Weights);
    }

    [GlobalCleanup]
    public void Remove()
    {
        _operands.Dispose();
        _workers.Dispose();
    }

    [Benchmark]
    public void Product() => _contender.Run(_copy++ % _contender.Copies);
}
