using System.Collections.Immutable;

namespace LayerCake.TurboMind;

/// <summary>Goes through a model in the order of LMDeploy's exporter and writes each part.</summary>
internal sealed class WeightsWriter(ExportContext context, EngineConfiguration configuration, SourceNames names)
{
    private readonly VectorExport _vectors = new(context);

    private int Hidden => configuration.HiddenSize;

    private int Inner => configuration.IntermediateSize;

    /// <summary>Elements of the largest 16-bit matrix, all ranks together.</summary>
    public static long LargestMatrix(EngineConfiguration configuration) => configuration.HiddenSize * Math.Max(
        configuration.HiddenSize + (2L * configuration.KeyValueHeadCount * configuration.SizePerHead),
        configuration.IntermediateSize);

    public void Write(string headSource, Action<int, int>? layerDone)
    {
        _vectors.WriteRows("tok_embeddings.weight", names.Embedding, configuration.PaddedVocabularySize);
        _vectors.WriteNorm("norm.weight", names.FinalNorm);
        _vectors.WriteRows("output.weight", headSource, configuration.PaddedVocabularySize);
        if (configuration.WeightType == WeightType.Int4)
        {
            WriteInt4Layers(layerDone);
        }
        else
        {
            WriteHalfLayers(layerDone);
        }
    }

    private void WriteInt4Layers(Action<int, int>? layerDone)
    {
        var linears = new Int4Export(context, configuration.GroupSize);
        for (var layer = 0; layer < configuration.LayerCount; layer++)
        {
            string source = names.Layer(layer), target = WeightFile.LayerPrefix(layer);
            var attention = Attention(source, target);
            linears.Write(attention);
            linears.Write(AttentionOutput(source, target));
            WriteBiases(attention, source, target);
            linears.Write(Linear.ByColumns(
                target + "feed_forward.w13",
                [source + names.Gate, source + names.Up],
                Hidden,
                context.Ranks,
                rank => ColumnPlan.GateUp(Inner, context.Ranks, rank)));
            linears.Write(Down(source, target));
            WriteNorms(source, target);
            layerDone?.Invoke(layer + 1, configuration.LayerCount);
        }
    }

    private void WriteHalfLayers(Action<int, int>? layerDone)
    {
        using var linears = new HalfExport(context, LargestMatrix(configuration));
        for (var layer = 0; layer < configuration.LayerCount; layer++)
        {
            string source = names.Layer(layer), target = WeightFile.LayerPrefix(layer);
            var attention = Attention(source, target);
            linears.Write(attention);
            linears.Write(AttentionOutput(source, target));
            WriteBiases(attention, source, target);
            linears.Write(FeedForward(source + names.Gate, target + "feed_forward.w1"));
            linears.Write(FeedForward(source + names.Up, target + "feed_forward.w3"));
            linears.Write(Down(source, target));
            WriteNorms(source, target);
            layerDone?.Invoke(layer + 1, configuration.LayerCount);
        }

        linears.Complete();
    }

    private Linear Attention(string source, string target) => Linear.ByColumns(
        target + "attention.w_qkv",
        AttentionSources(source),
        Hidden,
        context.Ranks,
        rank => ColumnPlan.QueryKeyValue(configuration.HeadCount, configuration.KeyValueHeadCount, context.Ranks, rank));

    private Linear AttentionOutput(string source, string target) =>
        Linear.ByRows(target + "attention.wo", source + names.Output, Hidden, Hidden);

    private Linear Down(string source, string target) => Linear.ByRows(target + "feed_forward.w2", source + names.Down, Inner, Hidden);

    private Linear FeedForward(string source, string target) =>
        Linear.ByColumns(target, [source], Hidden, context.Ranks, rank => ColumnPlan.Slice(Inner, context.Ranks, rank));

    private ImmutableArray<string> AttentionSources(string source) => [source + names.Query, source + names.Key, source + names.Value];

    private void WriteBiases(Linear attention, string source, string target)
    {
        if (configuration.AttentionBias)
        {
            _vectors.WriteMergedBias(attention.Name, attention.Sources, attention.Plans);
            _vectors.WriteCopiedBias(target + "attention.wo", source + names.Output);
        }
    }

    private void WriteNorms(string source, string target)
    {
        _vectors.WriteNorm(target + "attention_norm.weight", source + names.AttentionNorm);
        _vectors.WriteNorm(target + "ffn_norm.weight", source + names.FeedForwardNorm);
    }
}
