using LayerCake.Checkpoints;

namespace LayerCake.TurboMind;

/// <summary>Compares a checkpoint's headers with what a conversion will read, and collects every difference.</summary>
internal sealed class CheckpointMatcher(ITensorSource source)
{
    private const int ShownFaults = 10;

    private readonly HashSet<string> _expected = new(StringComparer.Ordinal);
    private readonly List<string> _faults = [];

    public void RequireFloat(string name, params ReadOnlySpan<long> shape)
    {
        if (Require(name, shape) is { } tensor && !HalfElements.IsReadable(tensor.DType))
        {
            _faults.Add($"{name} is {tensor.DType}, not F16, BF16 or F32");
        }
    }

    public void RequireWords(string name, params ReadOnlySpan<long> shape)
    {
        if (Require(name, shape) is { } tensor && tensor.DType is not (DType.I32 or DType.U32))
        {
            _faults.Add($"{name} is {tensor.DType}, not I32: not AWQ's packing");
        }
    }

    /// <summary>Everything in the checkpoint must have a place: a tensor left out silently is a different model.</summary>
    public void RefuseOthers(IReadOnlyList<string> ignoredSuffixes, string? ignoredName)
    {
        foreach (var tensor in source.Tensors)
        {
            if (!_expected.Contains(tensor.Name)
                && tensor.Name != ignoredName
                && !ignoredSuffixes.Any(suffix => tensor.Name.EndsWith(suffix, StringComparison.Ordinal)))
            {
                _faults.Add($"{tensor.Name} has no place in a TurboMind workspace: leaving it out would change the model");
            }
        }
    }

    public void ThrowIfFaulty()
    {
        if (_faults.Count > 0)
        {
            var more = _faults.Count > ShownFaults ? $"\n  - and {_faults.Count - ShownFaults} more" : "";
            throw new WorkspaceException(
                $"{source.Path} is not the checkpoint its config.json describes:\n  - {string.Join("\n  - ", _faults.Take(ShownFaults))}{more}");
        }
    }

    private TensorInfo? Require(string name, ReadOnlySpan<long> shape)
    {
        _expected.Add(name);
        if (!source.TryFind(name, out var tensor))
        {
            _faults.Add($"{name} is missing");
            return null;
        }

        if (!tensor.Shape.AsSpan().SequenceEqual(shape))
        {
            _faults.Add($"{name} has shape [{string.Join(", ", tensor.Shape)}], expected [{string.Join(", ", shape.ToArray())}]");
            return null;
        }

        return tensor;
    }
}
