using LayerCake.Building;
using LayerCake.Evaluation;
using LayerCake.Text;

namespace LayerCake.Steps;

/// <summary>evaluate, as a step of a recipe and as a command.</summary>
public static class EvaluateOperation
{
    /// <summary>File name of the report in Markdown.</summary>
    public const string MarkdownFile = "evaluation.md";

    /// <summary>How a model can be run: with a float KV cache, and with an int8 one where it has scales for it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">What the first is called; the second is <c>NAME + int8 KV</c>.</param>
    public static IReadOnlyList<EvaluationVariant> VariantsOf(EvaluatedModel model, string name) => model.KeyValueScales is null
        ? [new EvaluationVariant(name, model)]
        : [new EvaluationVariant(name, model), new EvaluationVariant($"{name} + int8 KV", model, QuantizesCache: true)];

    /// <summary>Measures variants on a text that the first one's tokenizer cuts.</summary>
    /// <param name="variants">The first is the baseline.</param>
    /// <param name="textFile">A .txt file, or a .jsonl file with a <c>text</c> field a line.</param>
    /// <param name="window">Tokens of a window, BOS included.</param>
    /// <param name="windows">The most windows; null for all.</param>
    /// <param name="threads">Windows computed at once; 0 for one per core.</param>
    /// <param name="reporter">Gets the table and the progress.</param>
    /// <param name="token">Stops it.</param>
    public static QualityReport Run(
        IReadOnlyList<EvaluationVariant> variants, string textFile, int window, int? windows, int threads, IBuildReporter reporter, CancellationToken token)
    {
        var tokenizer = TokenizerFolder.Open(variants[0].Model.TokenizerFolder);
        var request = new EvaluationRequest
        {
            Windows = EvaluationWindows.Load(textFile, tokenizer, window, windows),
            Variants = variants,
            Threads = threads,
        };
        reporter.Line(FormattableString.Invariant($"{request.Windows.Ids.Count} of {request.Windows.Available} windows of {window} tokens, {request.Windows.TokenCount} predicted"));
        var report = Evaluator.Run(request, new Progress(reporter), token);
        foreach (var line in QualityTable.Lines(report))
        {
            reporter.Line(line);
        }

        return report;
    }

    /// <summary>Writes evaluation.json and evaluation.md into an existing folder.</summary>
    /// <param name="report">What was measured.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="title">Of the Markdown page.</param>
    public static void Write(QualityReport report, string folder, string title)
    {
        File.WriteAllBytes(Path.Combine(folder, QualityReport.FileName), QualityReportJson.Write(report));
        File.WriteAllText(Path.Combine(folder, MarkdownFile), QualityTable.Markdown(report, title));
    }

    private sealed class Progress(IBuildReporter reporter) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value) => reporter.Progress("windows", value.Done, value.Total);
    }
}
