namespace LayerCake.Reporting;

/// <summary>What two packages, workspaces, checkpoints or folders differ in, and why.</summary>
public sealed record PackageDifference
{
    /// <summary>The two sides as they were named.</summary>
    public required string A { get; init; }

    public required string B { get; init; }

    /// <summary>Every tensor of either side, in the order in which they lie: embedding, layers, norm, head.</summary>
    public required IReadOnlyList<TensorDifference> Tensors { get; init; }

    /// <summary>Numbers of <c>past_kv_scale</c> files that differ: <c>layers.0.past_kv_scale.0.weight k_scale</c>.</summary>
    public required IReadOnlyList<ValueDifference> KeyValueScales { get; init; }

    /// <summary>Keys of config.ini that differ.</summary>
    public required IReadOnlyList<ValueDifference> Settings { get; init; }

    /// <summary>Other files that differ.</summary>
    public required IReadOnlyList<FileDifference> Files { get; init; }

    /// <summary>What the build records say; null where neither side has one.</summary>
    public required RecordDifference? Record { get; init; }

    public bool AreEqual => First is null;

    /// <summary>The tensors that differ, the largest error first.</summary>
    public IEnumerable<TensorDifference> DifferingTensors => Tensors.Where(tensor => tensor.Differs)
        .OrderBy(tensor => tensor.Change == TensorChange.Values)
        .ThenByDescending(tensor => double.IsNaN(tensor.RelativeRms) ? double.PositiveInfinity : tensor.RelativeRms)
        .ThenByDescending(tensor => tensor.Elements == 0 ? 0 : tensor.Differing / (double)tensor.Elements)
        .ThenBy(tensor => tensor.Name, StringComparer.Ordinal);

    /// <summary>The first thing that differs, as one sentence: a tensor before a KV scale, a setting, a file; null where nothing does.</summary>
    public string? First
    {
        get
        {
            if (Tensors.FirstOrDefault(tensor => tensor.Differs) is { } tensor)
            {
                return Sentence(tensor);
            }

            if (KeyValueScales.Concat(Settings).FirstOrDefault() is { } value)
            {
                return $"{value.Name} is {value.A ?? "absent"} in A and {value.B ?? "absent"} in B";
            }

            return (Files.FirstOrDefault(file => !file.IsRecord) ?? (Files.Count > 0 ? Files[0] : null)) is { } file
                ? file.A is null ? $"the file {file.Path} is in B only" : file.B is null ? $"the file {file.Path} is in A only" : $"the file {file.Path} differs"
                : null;
        }
    }

    private static string Sentence(TensorDifference tensor) => tensor.Change switch
    {
        TensorChange.OnlyInA => $"the tensor {tensor.Name} ({tensor.A}) is in A only",
        TensorChange.OnlyInB => $"the tensor {tensor.Name} ({tensor.B}) is in B only",
        TensorChange.Shape => $"the tensor {tensor.Name} is {tensor.A} in A and {tensor.B} in B",
        _ when tensor.Differing == 0 => $"the tensor {tensor.Name} differs in {tensor.ScalesDiffering} scales or zero points",
        _ => $"the tensor {tensor.Name} differs in {tensor.Differing} of {tensor.Elements} {(tensor.IsPacked ? "codes" : "elements")}, "
            + $"first at [{string.Join(", ", tensor.First)}]: {tensor.FirstA} in A, {tensor.FirstB} in B",
    };
}
