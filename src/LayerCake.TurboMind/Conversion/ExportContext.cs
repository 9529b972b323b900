using System.Globalization;
using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>What every exporter of one conversion shares.</summary>
internal sealed record ExportContext(SourceTensors Source, Func<string, long, IWeightOutput> Create, int Ranks, int Workers, DType HalfType, Action<string>? Line)
{
    public required BlockBufferPool Buffers { get; init; }

    public CancellationToken Cancellation { get; init; }

    public IWeightOutput[] CreateRanked(string name, string extension, long byteCountPerRank)
    {
        var files = new IWeightOutput[Ranks];
        try
        {
            for (var rank = 0; rank < Ranks; rank++)
            {
                files[rank] = Create(WeightFile.Ranked(name, rank, extension), byteCountPerRank);
            }
        }
        catch
        {
            Close(files);
            throw;
        }

        return files;
    }

    public static void Close(IWeightOutput?[] files)
    {
        foreach (var file in files)
        {
            file?.Dispose();
        }
    }

    /// <summary>The console line of a split tensor, with the shape before splitting.</summary>
    public void LineSplit(string name, int dimension, params ReadOnlySpan<long> shape) => Line?.Invoke(string.Create(
        CultureInfo.InvariantCulture, $"*** splitting {name}, shape=torch.Size([{Join(shape)}]), split_dim={dimension}, tp={Ranks}"));

    /// <summary>The console line of a tensor that every rank gets whole.</summary>
    public void LineCopy(string name, params ReadOnlySpan<long> shape) => Line?.Invoke($"### copying {name}, shape=torch.Size([{Join(shape)}])");

    public void Run(int blockCount, Action<int, BlockBuffers> work) =>
        BlockWorkers.Run(blockCount, Workers, Buffers.Rent, (block, lease) => work(block, lease.Buffers), Cancellation);

    private static string Join(ReadOnlySpan<long> shape)
    {
        var parts = new string[shape.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = shape[i].ToString(CultureInfo.InvariantCulture);
        }

        return string.Join(", ", parts);
    }
}
