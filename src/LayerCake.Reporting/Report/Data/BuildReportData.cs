using LayerCake.Evaluation;

namespace LayerCake.Reporting;

/// <summary>Everything that a build report shows, as plain values: how it looks is not decided here.</summary>
public sealed record BuildReportData
{
    public required string Recipe { get; init; }

    /// <summary><c>succeeded</c>, <c>failed</c>, or <c>stopped</c> for a build whose log has no end.</summary>
    public required string Outcome { get; init; }

    /// <summary>Why it failed; null where it did not.</summary>
    public string? Failure { get; init; }

    /// <summary>Where the package lies, as people write it: <c>artifacts/demo</c>.</summary>
    public string? PackageFolder { get; init; }

    /// <summary>Digest of the package's tree; null where there is no package.</summary>
    public string? PackageDigest { get; init; }

    public required string ProgramVersion { get; init; }

    public required TimeSpan Duration { get; init; }

    /// <summary>In the order of the plan.</summary>
    public required IReadOnlyList<ReportStep> Steps { get; init; }

    public required ReportSizes Sizes { get; init; }

    /// <summary>Layer by layer; empty without kv_qparams.</summary>
    public required IReadOnlyList<KeyValueRange> KeyValueRanges { get; init; }

    /// <summary>In the order of the layers; empty without auto_awq.</summary>
    public required IReadOnlyList<WeightError> WeightErrors { get; init; }

    /// <summary>In the order of the layers; empty without auto_awq, and with methods that do not look at activations' second moments (rtn, lmdeploy).</summary>
    public IReadOnlyList<LinearSensitivity> Sensitivities { get; init; } = [];

    /// <summary>What evaluate measured; null without it.</summary>
    public QualityReport? Quality { get; init; }

    /// <summary>The record: the recipe, inputs, versions and files as titled tables of name and value.</summary>
    public required IReadOnlyList<ReportSection> Record { get; init; }
}

/// <summary>One step of the build.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Key">Its key, 64 hexadecimal digits.</param>
/// <param name="Outcome">One of <see cref="Building.OutcomeWords"/>, or <c>not finished</c>.</param>
/// <param name="Reason">Why it ran, need not run, failed or was skipped.</param>
/// <param name="Started">Since the build began.</param>
/// <param name="Elapsed">From its start, waiting for others included.</param>
/// <param name="Bytes">Size of its result.</param>
/// <param name="After">The steps whose outputs it read.</param>
public sealed record ReportStep(
    string Name, string Key, string Outcome, string Reason, TimeSpan Started, TimeSpan Elapsed, long Bytes, IReadOnlyList<string> After);

/// <summary>Sizes before and after. A value that is not known is null.</summary>
public sealed record ReportSizes
{
    /// <summary>The source model's weight files, in bytes.</summary>
    public long? SourceWeights { get; init; }

    /// <summary>The package's weight files, in bytes.</summary>
    public long? PackageWeights { get; init; }

    /// <summary>The whole package, in bytes.</summary>
    public long? Package { get; init; }

    /// <summary>Bytes of one token's keys and values over all layers in 16 bits.</summary>
    public long? CachePerTokenBefore { get; init; }

    /// <summary>The same as the package has the engine keep them.</summary>
    public long? CachePerToken { get; init; }

    /// <summary>Tokens of the longest session.</summary>
    public long? SessionLength { get; init; }

    /// <summary><c>int4</c>, <c>fp16</c> or <c>bf16</c>.</summary>
    public string? WeightType { get; init; }
}

/// <summary>The range that one layer's int8 cache can hold, over all ranks: zero point ± 127.5 · scale, symmetric ± 127 · scale.</summary>
public sealed record KeyValueRange(int Layer, float KeyMin, float KeyMax, float ValueMin, float ValueMax);

/// <summary>What one linear lost: √(Σ(w' − w)² / Σw²) of its smoothed weight.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Linear">Name within the layer: <c>self_attn.q_proj</c>.</param>
/// <param name="Error">Relative root mean square error.</param>
public sealed record WeightError(int Layer, string Linear, double Error);

/// <summary>What one linear loses of its output, by method and bits.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Linear">Name within the layer: <c>self_attn.q_proj</c>.</param>
/// <param name="Errors">At least one; the last is how the linear was quantized.</param>
public sealed record LinearSensitivity(int Layer, string Linear, IReadOnlyList<MethodError> Errors)
{
    /// <summary>How it was quantized.</summary>
    public MethodError Used => Errors[^1];
}

/// <param name="Method"><c>rtn</c>, <c>awq</c>, <c>gptq</c>, <c>learned</c>.</param>
/// <param name="Bits">Of a weight.</param>
/// <param name="Error">√(E‖(W′ − W) x‖² / E‖W x‖²).</param>
public sealed record MethodError(string Method, int Bits, double Error)
{
    /// <summary>As a column is headed.</summary>
    public string Name => FormattableString.Invariant($"{Method}, {Bits} bits");
}

/// <param name="Title">Of the table.</param>
/// <param name="Rows">Name and value.</param>
public sealed record ReportSection(string Title, IReadOnlyList<KeyValuePair<string, string>> Rows);
