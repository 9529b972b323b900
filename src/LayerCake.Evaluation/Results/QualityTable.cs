using System.Globalization;
using System.Text;

namespace LayerCake.Evaluation;

/// <summary>The figures as tables that people read: on a console, and in Markdown.</summary>
public static class QualityTable
{
    private static readonly string[] Headings = ["variant", "weights", "KV cache", "perplexity", "increase", "KL mean", "KL max", "same top token", "weights", "KV/token"];

    /// <summary>One line a variant, below a line of headings.</summary>
    public static IReadOnlyList<string> Lines(QualityReport report)
    {
        string[][] rows = [Headings, .. report.Variants.Select(variant => Cells(report, variant))];
        var widths = Enumerable.Range(0, Headings.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        return [.. rows.Select(row => "  " + string.Join("  ", row.Select((cell, column) => column < 3 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).TrimEnd())];
    }

    /// <summary>A share with its sign: <c>+16.80 %</c>.</summary>
    public static string Change(double share) =>
        // Adding 0 makes a zero of a rounded −0.
        (Math.Round(100 * share, 2) + 0.0).ToString("+0.00;-0.00", CultureInfo.InvariantCulture) + " %";

    /// <summary>The whole report in Markdown.</summary>
    /// <param name="report">What was measured.</param>
    /// <param name="title">Of the page.</param>
    public static string Markdown(QualityReport report, string title)
    {
        var text = new StringBuilder();
        var protocol = report.Protocol;
        text.Append(CultureInfo.InvariantCulture, $"# {Escape(title)}\n\n");
        Row(text, Headings);
        Row(text, [.. Headings.Select((_, column) => column < 3 ? "---" : "---:")]);
        foreach (var variant in report.Variants)
        {
            Row(text, Cells(report, variant));
        }

        text.Append(CultureInfo.InvariantCulture, $"\nMeasured over {protocol.Tokens} tokens: {protocol.Windows} windows of {protocol.Window}, ");
        text.Append(CultureInfo.InvariantCulture, $"{protocol.Stride} tokens of the text apart, BOS: {protocol.Bos}. {protocol.DType} on {protocol.Device} ({protocol.Numerics}).\n");
        text.Append(CultureInfo.InvariantCulture, $"Text: SHA-256 `{protocol.DatasetSha256}`. KL divergence is of the next-token distributions from {Escape(report.Baseline.Name)}, in nats.\n");
        AppendMemory(text, report);
        AppendLayers(text, report);
        AppendCache(text, report);
        return text.ToString();
    }

    private static string[] Cells(QualityReport report, VariantFigures variant) =>
    [
        variant.Name,
        variant.Weights,
        variant.Cache,
        variant.Perplexity.ToString("0.000", CultureInfo.InvariantCulture),
        ReferenceEquals(variant, report.Baseline) ? "" : Change(report.PerplexityIncrease(variant)),
        ReferenceEquals(variant, report.Baseline) ? "" : variant.MeanDivergence.ToString("G4", CultureInfo.InvariantCulture),
        ReferenceEquals(variant, report.Baseline) ? "" : variant.LargestDivergence.ToString("G4", CultureInfo.InvariantCulture),
        ReferenceEquals(variant, report.Baseline) ? "" : Percent(variant.TopAgreement),
        Bytes(variant.WeightBytes),
        Bytes(variant.CacheBytesPerToken),
    ];

    private static void AppendMemory(StringBuilder text, QualityReport report)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n## Memory\n\nWith one session of {report.ContextLength} tokens:\n\n");
        Row(text, ["variant", "weights", "KV cache", "together"]);
        Row(text, ["---", "---:", "---:", "---:"]);
        foreach (var variant in report.Variants)
        {
            var cache = variant.CacheBytesPerToken * report.ContextLength;
            Row(text, [variant.Name, Bytes(variant.WeightBytes), Bytes(cache), Bytes(variant.WeightBytes + cache)]);
        }
    }

    private static void AppendLayers(StringBuilder text, QualityReport report)
    {
        if (report.Layers.Count == 0)
        {
            return;
        }

        text.Append("\n## Layers\n\nOutput: of what the layer itself adds, given the baseline's input. State: of the residual stream after it, all layers before included. "
            + "Weights: the worst linear.\n\n");
        Row(text, ["layer", "variant", "output", "state", "weights", "worst linear"]);
        Row(text, ["---:", "---", "---:", "---:", "---:", "---"]);
        foreach (var layer in report.Layers)
        {
            var worst = layer.WeightErrors.OrderByDescending(error => error.Value).ThenBy(error => error.Key, StringComparer.Ordinal).Select(error => (KeyValuePair<string, double>?)error).FirstOrDefault();
            Row(text,
            [
                layer.Layer.ToString(CultureInfo.InvariantCulture), layer.Variant, layer.OutputError is { } output ? Percent(output) : "", Percent(layer.StateError),
                worst is { } error ? Percent(error.Value) : "", worst?.Key ?? "",
            ]);
        }
    }

    private static void AppendCache(StringBuilder text, QualityReport report)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n## KV cache\n\nRelative error of the keys and values of {Escape(report.CacheVariant)} over {report.CacheTokens} tokens, the worst head of each layer.\n\n");
        Row(text, ["layer", "of", "int8", "int8 symmetric", "int4", "int4 symmetric", "int8 as stored"]);
        Row(text, ["---:", "---", "---:", "---:", "---:", "---:", "---:"]);
        foreach (var group in report.Heads.GroupBy(head => (head.Layer, head.Kind)))
        {
            Row(text,
            [
                group.Key.Layer.ToString(CultureInfo.InvariantCulture), group.Key.Kind == KeyValueKind.Key ? "keys" : "values",
                Percent(group.Max(head => head.Int8)), Percent(group.Max(head => head.Int8Symmetric)), Percent(group.Max(head => head.Int4)),
                Percent(group.Max(head => head.Int4Symmetric)), group.Max(head => head.Stored) is { } stored ? Percent(stored) : "",
            ]);
        }

        if (report.Outliers.Count > 0)
        {
            text.Append("\nChannels that an int4 cache would pay for: they widen the range of their layer at least fourfold.\n\n");
            Row(text, ["layer", "of", "head", "channel", "largest", "largest of others", "others' int4 error", "without"]);
            Row(text, ["---:", "---", "---:", "---:", "---:", "---:", "---:", "---:"]);
            foreach (var outlier in report.Outliers)
            {
                Row(text,
                [
                    outlier.Layer.ToString(CultureInfo.InvariantCulture), outlier.Kind == KeyValueKind.Key ? "keys" : "values", outlier.Head.ToString(CultureInfo.InvariantCulture),
                    outlier.Channel.ToString(CultureInfo.InvariantCulture), outlier.Largest.ToString("G4", CultureInfo.InvariantCulture),
                    outlier.LargestOfOthers.ToString("G4", CultureInfo.InvariantCulture), Percent(outlier.OthersError), Percent(outlier.OthersErrorWithout),
                ]);
            }
        }
    }

    private static void Row(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells.Select(Escape)).Append(" |\n");

    private static string Escape(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).Replace('\n', ' ');

    private static string Percent(double share) => (100 * share).ToString("0.00", CultureInfo.InvariantCulture) + " %";

    private static string Bytes(long bytes) => bytes switch
    {
        < 10_000 => bytes.ToString(CultureInfo.InvariantCulture) + " B",
        < 1_000_000 => (bytes / 1e3).ToString("0.0", CultureInfo.InvariantCulture) + " kB",
        < 1_000_000_000 => (bytes / 1e6).ToString("0.00", CultureInfo.InvariantCulture) + " MB",
        _ => (bytes / 1e9).ToString("0.00", CultureInfo.InvariantCulture) + " GB",
    };
}
