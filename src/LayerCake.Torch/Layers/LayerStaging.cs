using LayerCake.Checkpoints;
using LayerCake.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LayerCake.Torch.Layers;

/// <summary>
/// Memory for the weights of one decoder layer in one piece, from which a GPU can copy by itself: read into on several threads, sent as a whole, used again for the
/// next layer.
/// </summary>
internal sealed unsafe class LayerStaging : IDisposable
{
    /// <summary>Where a tensor begins, in values: kernels want whole cache lines.</summary>
    private const long Alignment = 128;

    private readonly ModelConfiguration _configuration;
    private readonly List<Place> _places = [];
    private readonly Tensor _memory;

    /// <param name="configuration">The model.</param>
    /// <param name="pinned">In pages that a GPU can read by itself: 20 times faster to copy there.</param>
    public LayerStaging(ModelConfiguration configuration, bool pinned)
    {
        _configuration = configuration;
        var family = ModelFamily.Of(configuration);
        long length = 0;
        foreach (var linear in family.Linears(configuration))
        {
            Add($"{linear.Name}.weight", linear.OutputSize, linear.InputSize);
            if (linear.HasBias)
            {
                Add($"{linear.Name}.bias", linear.OutputSize);
            }
        }

        foreach (var norm in family.LayerNorms)
        {
            Add($"{norm}.weight", configuration.HiddenSize);
        }

        LibTorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        var memory = empty(length, ScalarType.Float16);
        _memory = (pinned ? memory.pin_memory() : memory).DetachFromDisposeScope();

        void Add(string name, params long[] shape)
        {
            _places.Add(new Place(name, shape, length));
            length += (shape.Aggregate((left, right) => left * right) + Alignment - 1) / Alignment * Alignment;
        }
    }

    /// <summary>Bytes of a layer, on the host as on the device.</summary>
    public long ByteCount => _memory.NumberOfElements * sizeof(ushort);

    /// <summary>Reads a layer; bfloat16 and float32 weights are rounded to float16 as the original's loading does.</summary>
    /// <exception cref="CheckpointException">A tensor is absent or cannot be read.</exception>
    /// <exception cref="ModelException">A weight is not finite in float16.</exception>
    public void Read(ITensorSource source, int layer, CancellationToken cancellation)
    {
        var family = ModelFamily.Of(_configuration);
        var pieces = new List<(TensorInfo Tensor, long First, int Count, nint To)>();
        var memory = (Half*)TensorLoading.NativeMemoryOf(_memory);
        foreach (var place in _places)
        {
            var tensor = source.Find(family.Module(layer, place.Name));
            for (long first = 0; first < place.Length; first += HalfTensors.PieceLength)
            {
                pieces.Add((tensor, first, (int)Math.Min(HalfTensors.PieceLength, place.Length - first), (nint)(memory + place.First + first)));
            }
        }

        var options = new ParallelOptions { CancellationToken = cancellation };
        try
        {
            Parallel.ForEach(pieces, options, piece => HalfTensors.Read(source, piece.Tensor, piece.First, new Span<Half>((Half*)piece.To, piece.Count)));
        }
        catch (AggregateException failures) when (failures.InnerExceptions.FirstOrDefault(failure => failure is CheckpointException or ModelException) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>
    /// The layer that was read last, on a device. From pinned memory to a GPU the copy is only queued: what is queued behind it sees the weights, and the memory must not
    /// be read into again before something behind it has been waited for.
    /// </summary>
    public LayerWeights To(Device device)
    {
        using var scope = NewDisposeScope();
        var all = _memory.to(device, copy: true, non_blocking: true);
        return new LayerWeights(_places.Select(place => KeyValuePair.Create(place.Name, all.narrow(0, place.First, place.Length).view(place.Shape).DetachFromDisposeScope())));
    }

    public void Dispose() => _memory.Dispose();

    private sealed record Place(string Name, long[] Shape, long First)
    {
        public long Length { get; } = Shape.Aggregate((left, right) => left * right);
    }
}
