using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace LayerCake.TurboMind;

/// <summary>
/// Writes 16-bit linear layers: (out, in) rows in, (in, out) files out. A matrix is put together in memory and written while the next one
/// is read, so at most two whole matrices are held.
/// </summary>
internal sealed unsafe class HalfExport : IDisposable
{
    // The rows of a round: enough for whole cache lines of output, few enough to stay in the second-level cache.
    private const long RoundBytes = 2 << 20;
    private const int LineElements = 32;
    private const int WriteBytes = 8 << 20;

    private readonly ExportContext _context;
    private readonly NativeBuffer[] _buffers = new NativeBuffer[2];
    private readonly Task[] _writes = [Task.CompletedTask, Task.CompletedTask];
    private int _turn;

    /// <param name="context">The conversion.</param>
    /// <param name="largestMatrix">Elements of the largest matrix that <see cref="Write"/> will see.</param>
    public HalfExport(ExportContext context, long largestMatrix)
    {
        _context = context;
        _buffers[0] = new NativeBuffer(largestMatrix * sizeof(ushort));
        _buffers[1] = new NativeBuffer(largestMatrix * sizeof(ushort));
    }

    public void Write(Linear linear)
    {
        _context.LineSplit(linear.Name + ".weight", linear.SplitsColumns ? -1 : 0, linear.Inputs, linear.Outputs);
        var turn = _turn;
        _turn ^= 1;
        _writes[turn].GetAwaiter().GetResult();
        var buffer = _buffers[turn];
        LayOut(linear, (ushort*)buffer.Memory);

        var rankBytes = (long)linear.Inputs * linear.Outputs / _context.Ranks * sizeof(ushort);
        var files = _context.CreateRanked(linear.Name, "weight", rankBytes);
        _writes[turn] = Task.Run(() => WriteRanks(buffer, files, rankBytes), CancellationToken.None);
    }

    /// <summary>Waits until everything is written.</summary>
    public void Complete()
    {
        _writes[0].GetAwaiter().GetResult();
        _writes[1].GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        // After a failure elsewhere a write may still be using its buffer.
        Task.WhenAll(_writes).ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        _buffers[0].Dispose();
        _buffers[1].Dispose();
    }

    private static void WriteRanks(NativeBuffer buffer, IWeightOutput[] files, long rankBytes)
    {
        try
        {
            for (var rank = 0; rank < files.Length; rank++)
            {
                for (long done = 0; done < rankBytes; done += WriteBytes)
                {
                    files[rank].Write(buffer.Span((rank * rankBytes) + done, Math.Min(WriteBytes, rankBytes - done)), done);
                }
            }
        }
        finally
        {
            ExportContext.Close(files);
        }
    }

    /// <summary>All ranks' matrices, one after the other; for row-parallel layers that is the whole matrix.</summary>
    private void LayOut(Linear linear, ushort* destination)
    {
        var sources = linear.Sources.Select(name => _context.Source.Get(name + ".weight")).ToImmutableArray();
        long inputs = linear.Inputs;
        var pieceColumns = (int)Math.Clamp(RoundBytes / (inputs * sizeof(ushort)) / LineElements * LineElements, LineElements, Transposition.MaxRows);
        var pieces = new List<(ColumnSegment Piece, nint Start, int Stride)>();
        nint planStart = 0;
        foreach (var plan in linear.Plans)
        {
            foreach (var (piece, column) in plan.Pieces(pieceColumns))
            {
                pieces.Add((piece, planStart + column, plan.ColumnCount));
            }

            planStart += (nint)inputs * plan.ColumnCount;
        }

        _context.Run(pieces.Count, (index, buffers) =>
        {
            var (piece, start, stride) = pieces[index];
            var memory = (ushort*)buffers.Get(SourceTensors.FirstFreeSlot, piece.Count * inputs * sizeof(ushort));
            var firstCount = piece.IsZip ? piece.Count / 2 : piece.Count;
            var second = memory + (firstCount * inputs);
            _context.Source.ReadHalves(
                sources[piece.First], piece.FirstColumn * inputs, memory, firstCount * inputs, _context.HalfType, buffers);
            if (piece.IsZip)
            {
                _context.Source.ReadHalves(
                    sources[piece.Second], piece.SecondColumn * inputs, second, firstCount * inputs, _context.HalfType, buffers);
            }

            TransposePiece(piece, memory, second, (int)inputs, destination + start, stride);
        });
    }

    [SkipLocalsInit]
    private static void TransposePiece(ColumnSegment piece, ushort* first, ushort* second, int inputs, ushort* destination, nint stride)
    {
        var rows = stackalloc ushort*[Transposition.MaxRows];
        for (var column = 0; column < piece.Count; column++)
        {
            rows[column] = !piece.IsZip ? first + ((nint)column * inputs)
                : column % 2 == 0 ? first + ((nint)(column / 2) * inputs)
                : second + ((nint)(column / 2) * inputs);
        }

        Transposition.Transpose(rows, piece.Count, inputs, destination, stride);
    }
}
