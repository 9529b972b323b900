using System.Runtime.InteropServices;
using LayerCake.Kernels;
using LayerCake.Torch;
using static TorchSharp.torch;

namespace LayerCake.Benchmarks.Kernels;

/// <summary>
/// One linear in every form that is compared, each as often as it takes to be larger than the caches: a model's weights come from memory.
/// </summary>
internal sealed unsafe class ProductOperands : IDisposable
{
    private const long LeastBytes = 192L << 20;
    private const int GroupSize = 128;

    private readonly List<IDisposable> _owned = [];
    private readonly float[] _x;
    private readonly float[] _y;
    private readonly MatrixProduct<Float16Type> _product;
    private readonly WorkerPool _workers;

    public ProductOperands(int inputs, int outputs, int rows, WorkerPool workers)
    {
        LibTorch.EnsureLoaded();
        (Inputs, Outputs, Rows, _workers) = (inputs, outputs, rows, workers);
        _product = Own(new MatrixProduct<Float16Type>(workers));
        var random = new Random(1);
        _x = [.. Enumerable.Range(0, rows * inputs).Select(_ => (float)(Half)(random.NextSingle() - 0.5f))];
        _y = new float[rows * ((outputs + 31) / 32 * 32)];
    }

    public int Inputs { get; }

    public int Outputs { get; }

    public int Rows { get; }

    /// <summary>All forms.</summary>
    public IEnumerable<Contender> All()
    {
        var int4 = Copies(Int4Bytes, Int4);
        yield return Read(int4.Length);
        yield return Ours("int4, packed", int4);
        yield return Ours("float16, ours", Copies(2L * Inputs * Outputs, Half<Float16Type>));
        yield return Ours("bfloat16, ours", Copies(2L * Inputs * Outputs, Half<BFloat16Type>));
        yield return Theirs("float16, libtorch", ScalarType.Float16);
        yield return Theirs("bfloat16, libtorch", ScalarType.BFloat16);
        yield return Theirs("float32, libtorch", ScalarType.Float32);
    }

    private Contender Read(int copies)
    {
        var reads = Enumerable.Range(0, copies).Select(_ => new PlainRead(Cleared(Int4Bytes), _workers)).ToArray();
        return new Contender("plain read of the int4 weights", copies, Int4Bytes, copy => reads[copy].Run());

        NativeBuffer Cleared(long byteCount)
        {
            var memory = Own(new NativeBuffer(byteCount));
            memory.Clear();
            return memory;
        }
    }

    private Contender Theirs(string name, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var x = Own(tensor(_x).view(Rows, Inputs).to(type).DetachFromDisposeScope());
        var bytes = (long)Inputs * Outputs * x.element_size();
        var weights = Copies(bytes, () => Own(randn(Outputs, Inputs).to(type).DetachFromDisposeScope()));
        return new Contender(name, weights.Length, bytes, copy =>
        {
            using var result = nn.functional.linear(x, weights[copy]);
        });
    }

    public void Dispose() => _owned.ForEach(owned => owned.Dispose());

    private long Int4Bytes => (long)Outputs / 32 * (Inputs / GroupSize) * (96 + (GroupSize * 16));

    private Contender Ours(string name, WeightMatrix[] weights) => new(name, weights.Length, weights[0].ByteCount, copy =>
    {
        fixed (float* x = _x, y = _y)
        {
            _product.Multiply(weights[copy], x, Inputs, Rows, y, (Outputs + 31) / 32 * 32);
        }
    });

    private WeightMatrix Int4()
    {
        var matrix = Own(new Int4Matrix(Inputs, Outputs, GroupSize));
        var random = new Random(3);
        var words = new uint[128];
        random.NextBytes(MemoryMarshal.AsBytes(words.AsSpan()));
        Span<int> places = stackalloc int[32];
        fixed (uint* tile = words)
        {
            for (var input = 0; input < Inputs; input += 32)
            {
                for (var output = 0; output < Outputs; output += 32)
                {
                    for (var i = 0; i < 32; i++)
                    {
                        places[i] = output + i;
                    }

                    matrix.SetTile(tile, input, places);
                }
            }
        }

        for (var group = 0; group < Inputs / GroupSize; group++)
        {
            for (var output = 0; output < Outputs; output++)
            {
                var scale = BitConverter.HalfToUInt16Bits((System.Half)(random.NextSingle() * 0.01f));
                matrix.SetScale(((uint)scale << 16) | BitConverter.HalfToUInt16Bits((System.Half)(64f + random.Next(16))), group, output);
            }
        }

        return matrix;
    }

    private WeightMatrix Half<T>()
        where T : struct, IHalfType
    {
        var matrix = Own(new HalfMatrix<T>(Inputs, Outputs));
        using var source = new NativeBuffer(2L * Inputs * Outputs);
        var random = new Random(5);
        for (long i = 0; i < source.ByteCount / 2; i++)
        {
            ((ushort*)source.Pointer)[i] = (ushort)(0x2000 + random.Next(0x1000));
        }

        matrix.SetTransposed((ushort*)source.Pointer);
        return matrix;
    }

    private static T[] Copies<T>(long bytes, Func<T> create) => [.. Enumerable.Range(0, (int)Math.Max(1, LeastBytes / bytes)).Select(_ => create())];

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
