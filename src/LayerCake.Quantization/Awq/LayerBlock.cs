using LayerCake.Models;

namespace LayerCake.Quantization.Awq;

/// <summary>
/// Modules of a layer that smoothing ties together; different blocks know nothing of each other, so one at a time is in memory.
/// For Llama: the attention (norm, q, k, v, o) and the MLP.
/// </summary>
internal sealed record LayerBlock(
    IReadOnlyList<string> Norms,
    IReadOnlyList<LinearLayout> Linears,
    IReadOnlyList<NormSmoothing> NormSmoothings,
    IReadOnlyList<LinearSmoothing> LinearSmoothings)
{
    /// <summary>The blocks of any one layer, in the order of their first linear.</summary>
    public static IReadOnlyList<LayerBlock> Of(ModelFamily family, ModelConfiguration configuration)
    {
        var block = family.LayerLinears.Concat(family.LayerNorms).Select((name, index) => (name, index)).ToDictionary(pair => pair.name, pair => pair.index);
        foreach (var smoothing in family.NormSmoothings)
        {
            foreach (var consumer in smoothing.Consumers)
            {
                Join(smoothing.Norm, consumer);
            }
        }

        foreach (var smoothing in family.LinearSmoothings)
        {
            Join(smoothing.Previous, smoothing.Consumer);
        }

        return
        [
            .. family.Linears(configuration).GroupBy(linear => block[linear.Name]).Select(group => new LayerBlock(
                [.. family.LayerNorms.Where(norm => block[norm] == group.Key)],
                [.. group],
                [.. family.NormSmoothings.Where(smoothing => block[smoothing.Norm] == group.Key)],
                [.. family.LinearSmoothings.Where(smoothing => block[smoothing.Consumer] == group.Key)])),
        ];

        void Join(string left, string right)
        {
            var (kept, gone) = (block[left], block[right]);
            foreach (var name in block.Keys.Where(name => block[name] == gone).ToArray())
            {
                block[name] = kept;
            }
        }
    }
}
