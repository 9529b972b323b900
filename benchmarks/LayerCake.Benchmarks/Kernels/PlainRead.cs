using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LayerCake.Kernels;

namespace LayerCake.Benchmarks.Kernels;

/// <summary>Reads memory with all threads and does nothing with it: what a product could reach at most.</summary>
internal sealed unsafe class PlainRead(NativeBuffer memory, WorkerPool workers) : IWork
{
    private const int PartBytes = 1 << 16;

    private readonly long[] _sinks = new long[workers.Count * 8];

    public long Run()
    {
        workers.Run((int)((memory.ByteCount + PartBytes - 1) / PartBytes), this);
        return _sinks[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int worker)
    {
        var from = memory.Pointer + ((long)item * PartBytes);
        var to = memory.Pointer + Math.Min(memory.ByteCount, ((long)item + 1) * PartBytes);
        var (a, b, c, d) = (Vector256<long>.Zero, Vector256<long>.Zero, Vector256<long>.Zero, Vector256<long>.Zero);
        for (; from <= to - 128; from += 128)
        {
            a ^= Vector256.Load((long*)from);
            b ^= Vector256.Load((long*)(from + 32));
            c ^= Vector256.Load((long*)(from + 64));
            d ^= Vector256.Load((long*)(from + 96));
        }

        _sinks[worker * 8] ^= Vector256.Sum(a ^ b ^ c ^ d);
    }
}
