using System.Collections.Immutable;
using LayerCake.TurboMind;

namespace LayerCake.Runtime;

/// <summary>How keys or values of one head are quantized: <c>byte = clamp(round_even((x − zp) / scale + 128), 0, 255)</c>.</summary>
/// <param name="Scale">Step.</param>
/// <param name="ZeroPoint">Value of byte 128.</param>
internal readonly record struct KeyValueScale(float Scale, float ZeroPoint)
{
    /// <summary>What a decoding step adds: <c>zp − 32896 · scale</c>, rounded once.</summary>
    public float DecodeOffset => MathF.FusedMultiplyAdd(-32896f, Scale, ZeroPoint);

    /// <summary>What reading back for a prompt adds: computed on the host in the original, with two roundings.</summary>
    public float PrefillOffset => ZeroPoint - (32896f * Scale);
}

/// <summary>The scales of an int8 KV cache: one pair per layer and KV head. A rank's scales are those of its heads.</summary>
internal sealed class KeyValueScales
{
    private const string Need = "An int8 KV cache needs the scales of every layer: run kv_qparams, or use a float cache";

    private KeyValueScales(ImmutableArray<KeyValueScale[]> keys, ImmutableArray<KeyValueScale[]> values) => (Keys, Values) = (keys, values);

    /// <summary>By layer, then KV head.</summary>
    public ImmutableArray<KeyValueScale[]> Keys { get; }

    public ImmutableArray<KeyValueScale[]> Values { get; }

    /// <summary>Reads <c>layers.N.past_kv_scale.R.weight</c> of all layers; the ranks are those the folder has.</summary>
    /// <exception cref="WorkspaceException">A file is missing or cannot be used; the message names it.</exception>
    public static KeyValueScales Read(string folder, EngineConfiguration configuration)
    {
        var ranks = 1;
        while (ranks < configuration.KeyValueHeadCount && File.Exists(Path.Combine(folder, WeightFile.KeyValueScale(0, ranks))))
        {
            ranks++;
        }

        if (configuration.KeyValueHeadCount % ranks != 0)
        {
            throw new WorkspaceException(
                $"{folder} has KV scales for {ranks} ranks, among which {configuration.KeyValueHeadCount} KV heads cannot be divided. Run kv_qparams for this model");
        }

        var keys = ImmutableArray.CreateBuilder<KeyValueScale[]>();
        var values = ImmutableArray.CreateBuilder<KeyValueScale[]>();
        for (var layer = 0; layer < configuration.LayerCount; layer++)
        {
            var (layerKeys, layerValues) = (new KeyValueScale[configuration.KeyValueHeadCount], new KeyValueScale[configuration.KeyValueHeadCount]);
            for (var rank = 0; rank < ranks; rank++)
            {
                var numbers = KeyValueScaleFiles.ReadNumbers(Path.Combine(folder, WeightFile.KeyValueScale(layer, rank)), Need);
                var heads = configuration.KeyValueHeadCount / ranks;
                layerKeys.AsSpan(rank * heads, heads).Fill(new KeyValueScale(numbers[0], numbers[1]));
                layerValues.AsSpan(rank * heads, heads).Fill(new KeyValueScale(numbers[2], numbers[3]));
            }

            keys.Add(layerKeys);
            values.Add(layerValues);
        }

        return new KeyValueScales(keys.ToImmutable(), values.ToImmutable());
    }
}
