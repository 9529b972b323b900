using LayerCake.Checkpoints;
using LayerCake.Models;
using LayerCake.Quantization.Int4;
using LayerCake.Quantization.Numerics;
using LayerCake.Quantization.Smoothing;
using LayerCake.Quantization.Weights;

namespace LayerCake.Quantization.Awq;

/// <summary>
/// Streams a model through smoothing and packing, block by block: while one block is computed the next is read, and while one linear is
/// computed the one before is written.
/// </summary>
internal sealed class AwqPipeline(
    AwqRequest request,
    ModelConfiguration configuration,
    WeightFiles files,
    IReadOnlyList<TensorInfo> tensors,
    int threads,
    Action<AwqProgress>? progress,
    CancellationToken cancellation) : IDisposable
{
    private readonly ModelFamily _family = ModelFamily.Of(configuration);
    private readonly BufferPool _pool = new();
    private readonly Smoother _smoother = new(request.Options.GroupSize, threads, cancellation);
    private readonly AwqParts _parts = new(request.Parts, configuration, files, tensors);
    private readonly SortedDictionary<int, IReadOnlyList<LinearError>> _errors = [];

    // Lines of linears that were packed before their layer's smoothing was done: the original prints that first.
    private readonly List<string> _heldLines = [];
    private Task _writing = Task.CompletedTask;

    public IReadOnlyList<LinearError> Run()
    {
        // What is only copied goes beside the layers.
        var copying = Task.Run(CopyRest, CancellationToken.None);
        try
        {
            RunLayers();
        }
        finally
        {
            Wait(copying);
        }

        copying.GetAwaiter().GetResult();
        return [.. _errors.Values.SelectMany(errors => errors)];
    }

    public void Dispose() => _pool.Dispose();

    private void RunLayers()
    {
        var blocks = LayerBlock.Of(_family, configuration);
        foreach (var (layer, errors) in _parts.Restore(configuration.LayerCount, cancellation))
        {
            _errors.Add(layer, errors);
        }

        var work = Enumerable.Range(0, configuration.LayerCount).Where(layer => !_errors.ContainsKey(layer))
            .SelectMany(layer => blocks.Select(block => (layer, block))).ToArray();
        var next = work.Length > 0 ? Load(work[0]) : Task.FromResult<LoadedBlock>(null!);
        try
        {
            for (var index = 0; index < work.Length; index++)
            {
                using var current = next.GetAwaiter().GetResult();
                next = index + 1 < work.Length ? Load(work[index + 1]) : Task.FromResult<LoadedBlock>(null!);
                Process(current, isLastOfLayer: current.Block == blocks[^1]);
            }
        }
        finally
        {
            Abandon(next);
            Wait(_writing);
            _parts.Dispose();
        }

        _writing.GetAwaiter().GetResult();
    }

    private void CopyRest()
    {
        CopyWhole(_family.Embedding);
        CopyWhole($"{_family.FinalNorm}.weight");
        CopyHead();
    }

    private Task<LoadedBlock> Load((int Layer, LayerBlock Block) work) => Task.Run(
        () => LoadedBlock.Load(request.Model.Weights, _family, work.Layer, work.Block, configuration, _pool, cancellation), CancellationToken.None);

    private void Process(LoadedBlock block, bool isLastOfLayer)
    {
        Smooth(block);
        if (isLastOfLayer)
        {
            Report($"{_family.Layer(block.Layer)} smooth weight done.", block.Layer);
            _heldLines.ForEach(line => Report(line, block.Layer));
            _heldLines.Clear();
        }

        foreach (var linear in block.Block.Linears)
        {
            Pack(block, linear);
            var line = $"{_family.Module(block.Layer, linear.Name)} weight packed.";
            if (isLastOfLayer)
            {
                var isLast = linear == block.Block.Linears[^1];
                Report(line, isLast ? block.Layer + 1 : block.Layer);
            }
            else
            {
                _heldLines.Add(line);
            }
        }

        foreach (var norm in block.Block.Norms)
        {
            Write(block.Layer, $"{_family.Module(block.Layer, norm)}.weight", block.Norm(norm));
        }

        if (isLastOfLayer)
        {
            CommitAfterWriting(block.Layer);
        }
    }

    /// <summary>The layer is kept once its last linear is written, while the next layer is computed.</summary>
    private void CommitAfterWriting(int layer)
    {
        if (_parts.AreKept)
        {
            var (writing, errors) = (_writing, _errors[layer]);
            _writing = Task.Run(
                async () =>
                {
                    await writing.ConfigureAwait(false);
                    _parts.Commit(layer, errors);
                },
                CancellationToken.None);
        }
    }

    private void Smooth(LoadedBlock block)
    {
        foreach (var smoothing in block.Block.NormSmoothings)
        {
            _smoother.Smooth(block.Norm(smoothing.Norm), [.. smoothing.Consumers.Select(block.Linear)], AbsMax(smoothing.Consumers[0]));
        }

        foreach (var smoothing in block.Block.LinearSmoothings)
        {
            _smoother.Smooth(block.Linear(smoothing.Previous), block.Linear(smoothing.Consumer), AbsMax(smoothing.Consumer));
        }

        Half[] AbsMax(string linear) => request.InputAbsMax[_family.Module(block.Layer, linear)];
    }

    private void Pack(LoadedBlock block, LinearLayout linear)
    {
        var name = _family.Module(block.Layer, linear.Name);
        var (weight, bias) = block.Linear(linear.Name);
        if (bias is not null)
        {
            Write(block.Layer, $"{name}.bias", bias);
        }

        var packed = new PackedLinear(linear.OutputSize, linear.InputSize, request.Options.GroupSize, _pool);
        try
        {
            var error = new LinearError(name, Int4Quantizer.Quantize(weight, packed, threads, cancellation));
            _errors[block.Layer] = [.. _errors.GetValueOrDefault(block.Layer) ?? [], error];
            _writing.GetAwaiter().GetResult();
        }
        catch
        {
            packed.Dispose();
            throw;
        }

        _writing = Task.Run(
            () =>
            {
                using (packed)
                {
                    Write(block.Layer, $"{name}.qweight", packed.WeightBytes);
                    Write(block.Layer, $"{name}.scales", packed.ScaleBytes);
                    Write(block.Layer, $"{name}.qzeros", packed.ZeroBytes);
                }
            },
            CancellationToken.None);
    }

    private void Write(int layer, string name, HalfMatrix matrix)
    {
        var bytes = matrix.Bytes(0, int.MaxValue);
        files.Write(name, bytes);
        _parts.AddSmall(layer, name, bytes);
    }

    private unsafe void Write(int layer, string name, NativeBuffer buffer)
    {
        const int Piece = 1 << 26;
        _parts.Start(layer, name, buffer.ByteCount);
        for (long offset = 0; offset < buffer.ByteCount; offset += Piece)
        {
            var piece = new ReadOnlySpan<byte>(buffer.Pointer + offset, (int)Math.Min(Piece, buffer.ByteCount - offset));
            files.Write(name, piece);
            _parts.Add(piece);
        }
    }

    private void CopyWhole(string name) => WeightReader.Stream(request.Model.Weights, name, piece => files.Write(name, piece), cancellation);

    /// <summary>A head that shares the embedding's weight is written out: readers of the quantized checkpoint look for it by name.</summary>
    private void CopyHead()
    {
        var source = request.Model.Weights.TryFind(_family.Head, out _) ? _family.Head : _family.Embedding;
        WeightReader.Stream(request.Model.Weights, source, piece => files.Write(_family.Head, piece), cancellation);
    }

    private void Report(string line, int layersDone) => progress?.Invoke(new AwqProgress(line, layersDone, configuration.LayerCount));

    private static void Abandon(Task<LoadedBlock> loading)
    {
        Wait(loading);
        if (loading.IsCompletedSuccessfully)
        {
            loading.Result?.Dispose();
        }
    }

    /// <summary>Waits without looking at the outcome: another failure is already on its way.</summary>
    private static void Wait(Task task) => ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
}
