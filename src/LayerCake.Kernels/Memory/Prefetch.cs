using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace LayerCake.Kernels;

/// <summary>
/// Asks for memory ahead of its use. Kernels that compute on what they read have too few loads in flight to wait out memory, and processors' own prefetching stops at every
/// page. Where the processor is no x86 it does nothing.
/// </summary>
internal static unsafe class Prefetch
{
    /// <summary>Bytes of a cache line.</summary>
    public const int Line = 64;

    /// <summary>How far ahead streams are asked for, in bytes. Addresses beyond a buffer's end are harmless.</summary>
    public const int Distance = 2048;

    /// <summary>The line that lies <see cref="Distance"/> after an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(void* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0((byte*)address + Distance);
        }
    }
}
