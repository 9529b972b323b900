namespace LayerCake.Reporting.Tests;

/// <summary>Made-up reports.</summary>
internal static class SampleReport
{
    private static readonly string[] Linears = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"];

    public static BuildReportData Of(int layers = 4, string recipe = "demo") => new()
    {
        Recipe = recipe,
        Outcome = "succeeded",
        PackageFolder = "artifacts/demo",
        PackageDigest = new string('a', 64),
        ProgramVersion = "1.2.3",
        Duration = TimeSpan.FromSeconds(4),
        Steps =
        [
            Step("calibrate", "ran", 0, 2), Step("kv_qparams", "ran", 2, 0.5, "calibrate"), Step("auto_awq", "ran", 2, 1, "calibrate"),
            Step("convert", "from remote cache", 3, 0.5, "auto_awq"), Step("package", "cached", 3.5, 0.5, "convert", "kv_qparams"),
        ],
        Sizes = new ReportSizes
        {
            SourceWeights = 14_000_000_000, PackageWeights = 4_000_000_000, Package = 4_001_000_000, CachePerTokenBefore = 524_288, CachePerToken = 262_144,
            SessionLength = 4096, WeightType = "int4",
        },
        KeyValueRanges = [.. Enumerable.Range(0, layers).Select(layer => new KeyValueRange(layer, -4 - layer, 5 + layer, -1, 2))],
        WeightErrors = [.. Enumerable.Range(0, layers).SelectMany(layer => Linears.Select((linear, i) => new WeightError(layer, linear, 0.05 + (0.01 * i) + (0.001 * layer))))],
        Sensitivities =
        [
            .. Enumerable.Range(0, layers).SelectMany(layer => Linears.Select((linear, i) => new LinearSensitivity(
                layer, linear,
                [
                    new MethodError("rtn", 3, 0.3), new MethodError("rtn", 4, 0.15), new MethodError("rtn", 8, 0.01), new MethodError("awq", 4, 0.12),
                    new MethodError("gptq", 4, 0.1 - (0.01 * i) + (0.001 * layer)),
                ]))),
        ],
        Record = [new ReportSection("Recipe", [KeyValuePair.Create("calibrate.samples", "64")])],
    };

    private static ReportStep Step(string name, string outcome, double started, double seconds, params string[] after) =>
        new(name, new string('b', 64), outcome, "never built", TimeSpan.FromSeconds(started), TimeSpan.FromSeconds(seconds), 1_000_000, after);
}
