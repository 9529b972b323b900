using System.Globalization;

namespace LayerCake.Recipes;

/// <summary>What one release of LMDeploy reads. The same number means different things to different releases; this decides which.</summary>
public sealed record EngineContract
{
    private const int Int8Mask = 4;
    private const int OnlineInt8Bits = 8;

    internal EngineContract(EngineRelease release) => Release = release;

    public EngineRelease Release { get; }

    /// <summary>As a recipe writes it: <c>lmdeploy 0.1.0</c>.</summary>
    public string Name => $"{EngineTable.Product} {Release}";

    /// <summary>Whether the engine applies <c>past_kv_scale</c> files; later releases quantize the KV cache online, per token.</summary>
    public required bool ReadsKvScales { get; init; }

    public required WorkspaceConfiguration Workspace { get; init; }

    /// <summary>Whether the <c>quant_policy</c> of the workspace counts at a usual launch. Where not, the launch command has to repeat it.</summary>
    public required bool KeepsQuantPolicy { get; init; }

    /// <summary>Why this project writes no workspace for the release, and what to do; null where it does.</summary>
    public string? Refusal { get; init; }

    /// <summary>
    /// The <c>quant_policy</c> that means <paramref name="cache"/> (null: a float16 cache) to this release: 4 is int8 up to 0.3.0 and int4
    /// from 0.4.0 on.
    /// </summary>
    /// <exception cref="NotSupportedException">The release has no such cache.</exception>
    public int QuantPolicy(KvCacheType? cache) => (cache, ReadsKvScales) switch
    {
        (null, _) => 0,
        (KvCacheType.Int8, true) => Int8Mask,
        (KvCacheType.Int8, false) => OnlineInt8Bits,
        (KvCacheType.Int4, false) => 4,
        _ => throw new NotSupportedException(KvRefusal(cache.Value)),
    };

    /// <summary>
    /// The command that serves a workspace with the KV cache it was made for, ready to start as a process or to quote into a script.
    /// </summary>
    public IReadOnlyList<string> LaunchArguments(string workspace, TensorParallel tensorParallel, KvCacheType? cache)
    {
        List<string> arguments =
        [
            "lmdeploy", "serve", "api_server", workspace, "--server-name", "0.0.0.0", "--server-port", "23333", "--tp", tensorParallel.ToString(),
        ];
        if (cache is not null && !KeepsQuantPolicy)
        {
            arguments.AddRange(["--quant-policy", QuantPolicy(cache).ToString(CultureInfo.InvariantCulture)]);
        }

        return arguments;
    }

    /// <summary>Writes the release.</summary>
    public void AddTo(IKeyWriter key) => TopFields.Engine.AddTo(key, this);

    public override string ToString() => Name;

    /// <summary>Why KV parameters found by kv_qparams for <paramref name="cache"/> are of no use to this release; null where they are.</summary>
    internal string? KvRefusal(KvCacheType cache) => (cache, ReadsKvScales) switch
    {
        (KvCacheType.Int4, true) => $"an int4 KV cache needs lmdeploy 0.4.0 or later, which finds its parameters itself; {Name} knows int8 only: write int8",
        (_, false) => $"{Name} reads no KV parameters from a workspace: from 0.4.0 on the engine finds them while it runs. "
            + $"Remove kv_qparams and launch with --quant-policy {QuantPolicy(cache)}",
        _ => null,
    };
}
