using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Recipes;

internal static class EvaluateFields
{
    private const int MostWindows = 1_000_000;
    private const int LongestWindow = 1 << 20;
    private const string PercentageRule = "a percentage such as '25%' (at most four digits before and three after the point)";

    public static readonly TextField<CalibrationSource> Dataset = new(
        "evaluate", "dataset", "The text: a .txt file, or a .jsonl file with a text field a line (a relative path counts from the recipe). Not the calibration text.",
        RecipeTexts.ParseDataset, dataset => dataset.Reading)
    {
        Rule = "a .txt or .jsonl file",
        Patterns = RecipeTexts.DatasetPatterns,
        Examples = ["data/prose-eval.txt", "data/questions.jsonl"],
    };

    public static readonly IntegerField<int> Window = new(
        "evaluate", "window", "Tokens of a window, BOS included. Windows do not overlap.", @default: 512, minimum: 2, maximum: LongestWindow)
    {
        Examples = ["512", "2048"],
    };

    public static readonly IntegerField<int> Windows = new(
        "evaluate", "windows", "The most windows, from the beginning of the text; 0 is all of it.", @default: 0, minimum: 0, maximum: MostWindows)
    {
        Examples = ["0", "64"],
    };

    public static readonly ChoiceField<EvaluationBaseline> Baseline = new(
        "evaluate", "baseline", "What the result is compared with: the source checkpoint.", [("source", EvaluationBaseline.Source)], EvaluationBaseline.Source)
    {
        Examples = ["source"],
    };

    public static readonly TextField<Percentage?> MaxPerplexityIncrease = new(
        "evaluate", "max_perplexity_increase", "How much higher than the baseline's the perplexity may be; beyond it the build fails. Left out: any.",
        ParsePercentage, share => share?.ToString() ?? "", null)
    {
        Rule = PercentageRule,
        Patterns = [Percentage.Pattern],
        Examples = ["25%", "2.5%"],
    };

    public static readonly NumberField MaxKl = new(
        "evaluate", "max_kl", "The largest mean KL divergence from the baseline's next-token distributions, in nats; beyond it the build fails. Left out: any.", 0, 1000)
    {
        Examples = ["0.2", "1"],
    };

    private static bool ParsePercentage(string text, [NotNullWhen(true)] out Percentage? percentage, out string problem)
    {
        var read = Percentage.TryParse(text, out var share);
        percentage = share;
        problem = read ? "" : $"is '{Quoting.Clip(text)}'; it must be {PercentageRule}";
        return read;
    }
}
