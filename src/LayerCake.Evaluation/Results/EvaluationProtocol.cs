namespace LayerCake.Evaluation;

/// <summary>How figures were measured. Only figures of the same protocol can be compared.</summary>
public sealed record EvaluationProtocol
{
    /// <summary>SHA-256 of the text's file.</summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>SHA-256 of the token ids of all windows, as 32-bit little-endian numbers: the tokenizer is part of the protocol.</summary>
    public required string IdsSha256 { get; init; }

    /// <summary>Tokens of a window.</summary>
    public required int Window { get; init; }

    /// <summary>Tokens of the text from the beginning of one window to that of the next.</summary>
    public required int Stride { get; init; }

    /// <summary><c>first token of every window</c>, or <c>none</c>.</summary>
    public required string Bos { get; init; }

    /// <summary>How many windows were measured, from the beginning of the text.</summary>
    public required int Windows { get; init; }

    /// <summary>Tokens that were predicted.</summary>
    public required long Tokens { get; init; }

    /// <summary>What activations are rounded to; logits are float32.</summary>
    public required string DType { get; init; }

    /// <summary>What computed: <c>cpu</c>.</summary>
    public required string Device { get; init; }

    /// <summary>Version of the arithmetic (<see cref="Evaluator.Numerics"/>).</summary>
    public required string Numerics { get; init; }

    /// <summary>The protocol of some windows with the present arithmetic.</summary>
    public static EvaluationProtocol Of(EvaluationWindows windows) => new()
    {
        DatasetSha256 = windows.DatasetSha256,
        IdsSha256 = windows.IdsSha256,
        Window = windows.Length,
        Stride = windows.HasBos ? windows.Length - 1 : windows.Length,
        Bos = windows.HasBos ? "first token of every window" : "none",
        Windows = windows.Ids.Count,
        Tokens = windows.TokenCount,
        DType = "float16",
        Device = "cpu",
        Numerics = Evaluator.Numerics,
    };

    /// <summary>Every part by its name in evaluation.json.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Parts =>
    [
        new("dataset_sha256", DatasetSha256),
        new("ids_sha256", IdsSha256),
        new("window", Text(Window)),
        new("stride", Text(Stride)),
        new("bos", Bos),
        new("windows", Text(Windows)),
        new("tokens", Text(Tokens)),
        new("dtype", DType),
        new("device", Device),
        new("numerics", Numerics),
    ];

    /// <summary>Refuses to compare figures that were measured differently.</summary>
    /// <param name="other">The protocol of the other figures.</param>
    /// <param name="name">What messages call these figures.</param>
    /// <param name="otherName">What messages call the others.</param>
    /// <exception cref="EvaluationException">A part differs; all that do are named.</exception>
    public void ThrowIfDifferent(EvaluationProtocol other, string name, string otherName)
    {
        var different = Parts.Zip(other.Parts).Where(pair => pair.First.Value != pair.Second.Value).ToList();
        if (different.Count > 0)
        {
            throw new EvaluationException(
                $"The figures of {name} and of {otherName} cannot be compared: they were measured differently ("
                + string.Join(", ", different.Select(pair => $"{pair.First.Key} {Short(pair.First.Value)} and {Short(pair.Second.Value)}")) + "). Measure one of them again.");
        }
    }

    private static string Short(string value) => value.Length == 64 ? value[..12] : value;

    private static string Text(long value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
