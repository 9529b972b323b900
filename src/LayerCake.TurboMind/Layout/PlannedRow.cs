using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LayerCake.TurboMind;

/// <summary>Puts one row of a planned matrix together from the rows of its sources.</summary>
internal static unsafe class PlannedRow
{
    /// <summary>A row of AWQ words; every segment of the plan begins and ends at a word.</summary>
    public static void Words(ColumnPlan plan, ReadOnlySpan<nint> sources, uint* destination)
    {
        foreach (var segment in plan.Segments)
        {
            WordSegment(segment, sources, destination);
            destination += segment.Count / AwqColumns.PerWord;
        }
    }

    /// <summary>The words of one segment (or a piece of one).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WordSegment(in ColumnSegment segment, ReadOnlySpan<nint> sources, uint* destination)
    {
        var words = segment.Count / AwqColumns.PerWord;
        var first = (uint*)sources[segment.First] + (segment.FirstColumn / AwqColumns.PerWord);
        if (segment.IsZip)
        {
            var second = (uint*)sources[segment.Second] + (segment.SecondColumn / AwqColumns.PerWord);
            AwqColumns.Zip(first, second, destination, words / 2);
        }
        else
        {
            Unsafe.CopyBlockUnaligned(destination, first, (uint)words * sizeof(uint));
        }
    }

    /// <summary>A row of 16-bit elements.</summary>
    public static void Halves(ColumnPlan plan, ReadOnlySpan<nint> sources, ushort* destination)
    {
        foreach (var segment in plan.Segments)
        {
            var first = (ushort*)sources[segment.First] + segment.FirstColumn;
            if (segment.IsZip)
            {
                ZipHalves(first, (ushort*)sources[segment.Second] + segment.SecondColumn, destination, segment.Count / 2);
            }
            else
            {
                Unsafe.CopyBlockUnaligned(destination, first, (uint)segment.Count * sizeof(ushort));
            }

            destination += segment.Count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ZipHalves(ushort* first, ushort* second, ushort* destination, int count)
    {
        var i = 0;
        for (; i <= count - 8; i += 8)
        {
            var a = Vector128.Load(first + i);
            var b = Vector128.Load(second + i);
            Lanes.ZipLow(a, b).Store(destination + (2 * i));
            Lanes.ZipHigh(a, b).Store(destination + (2 * i) + 8);
        }

        for (; i < count; i++)
        {
            destination[2 * i] = first[i];
            destination[(2 * i) + 1] = second[i];
        }
    }
}
