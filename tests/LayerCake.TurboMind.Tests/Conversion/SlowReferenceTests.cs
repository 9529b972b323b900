using CsCheck;
using LayerCake.Checkpoints;
using LayerCake.Testing;

namespace LayerCake.TurboMind.Tests;

/// <summary>Conversions of random legal shapes against the slow, obvious layout.</summary>
[TestFixture]
public sealed class SlowReferenceTests
{
    [Test]
    public void Any_legal_int4_layer_is_laid_out_as_the_index_maps_say() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[1, 2], Gen.Int[1, 2], Gen.Int[1, 2], Gen.Bool, Gen.Bool)
            .Sample((logRanks, headsPerGroup, localKeyValueHeads, localInner, bias, floatScales) =>
            {
                var ranks = 1 << Math.Min(logRanks, headsPerGroup * localKeyValueHeads == 4 ? 1 : 2);
                AssertConverts(new SlowModel
                {
                    Heads = headsPerGroup * localKeyValueHeads * ranks,
                    KeyValueHeads = localKeyValueHeads * ranks,
                    Inner = 128 * localInner * ranks,
                    Ranks = ranks,
                    IsInt4 = true,
                    HasBias = bias,
                    ScaleType = floatScales ? DType.F32 : DType.F16,
                });
            }, iter: 4, threads: 1);

    [Test]
    public void Any_half_layer_is_laid_out_as_the_index_maps_say() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[1, 2], Gen.Int[1, 2], Gen.Int[1, 150], Gen.Bool, Gen.Int[1, 9])
            .Sample((logRanks, headsPerGroup, localKeyValueHeads, localInner, bias, vocabulary) =>
            {
                var ranks = 1 << Math.Min(logRanks, headsPerGroup * localKeyValueHeads == 4 ? 1 : 2);
                AssertConverts(new SlowModel
                {
                    Heads = headsPerGroup * localKeyValueHeads * ranks,
                    KeyValueHeads = localKeyValueHeads * ranks,
                    Inner = localInner * ranks,
                    Ranks = ranks,
                    HasBias = bias,
                    Vocabulary = Math.Max(3, vocabulary),
                });
            }, iter: 6, threads: 1);

    private static void AssertConverts(SlowModel model)
    {
        using var folder = new TemporaryFolder();
        var lines = new List<string>();

        ConversionPlan.Create(model.Source(model.Checkpoint()), model.Options).WriteWeights(folder.At("weights"), lines.Add);

        model.Export();
        Assert.That(lines, Is.EqualTo(model.Lines));
        foreach (var (name, bytes) in model.Files)
        {
            var written = File.ReadAllBytes(folder.At("weights", name));
            if (!written.AsSpan().SequenceEqual(bytes))
            {
                Assert.That(written, Is.EqualTo(bytes), name);
            }
        }

        var embedding = File.ReadAllBytes(folder.At("weights", "tok_embeddings.weight"));
        var paddedRows = (model.Vocabulary + model.Ranks - 1) / model.Ranks * model.Ranks;
        Assert.That(embedding, Has.Length.EqualTo(paddedRows * 256 * model.Heads));
        Assert.That(embedding.AsSpan(model.Vocabulary * 256 * model.Heads).IndexOfAnyExcept((byte)0), Is.EqualTo(-1));
    }
}
