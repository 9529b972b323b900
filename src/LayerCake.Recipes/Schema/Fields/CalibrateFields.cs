namespace LayerCake.Recipes;

internal static class CalibrateFields
{
    private const int MostSamples = 100_000;
    private const int LongestSequence = 1 << 20;

    public static readonly TextField<CalibrationSource> Dataset = new(
        "calibrate", "dataset", "The text: a .txt file, or a .jsonl file with a text field a line (a relative path counts from the recipe).",
        RecipeTexts.ParseDataset, dataset => dataset.Reading)
    {
        Rule = "a .txt or .jsonl file",
        Patterns = RecipeTexts.DatasetPatterns,
        Examples = ["data/prose-calibration.txt", "data/prompts.jsonl"],
    };

    public static readonly IntegerField<int> Samples = new(
        "calibrate", "samples", "How many windows are drawn from the text.", @default: 128, minimum: 1, maximum: MostSamples)
    {
        Examples = ["128", "64"],
    };

    public static readonly IntegerField<int> SequenceLength = new(
        "calibrate", "sequence_length", "Length of each window in tokens.", @default: 2048, minimum: 1, maximum: LongestSequence)
    {
        Examples = ["2048", "512"],
    };

    public static readonly IntegerField<uint> Seed = new(
        "calibrate", "seed", "Seed of the draw; LMDeploy always uses 0.", @default: 0, minimum: uint.MinValue, maximum: uint.MaxValue)
    {
        Examples = ["0", "1"],
    };
}
