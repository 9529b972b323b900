using LayerCake.Building;
using LayerCake.Evaluation;
using LayerCake.Recipes;

namespace LayerCake.Steps;

/// <summary>Holds what evaluate measured against the limits of the recipe. The limits are in no key of evaluate: with others the same figures are looked at again.</summary>
public static class QualityCheck
{
    /// <summary>The report in evaluate's output.</summary>
    /// <exception cref="EvaluationException">It cannot be read.</exception>
    public static QualityReport Read(string folder) => QualityReportJson.Read(Path.Combine(folder, QualityReport.FileName));

    /// <summary>The report among the files of a result in the store.</summary>
    /// <exception cref="EvaluationException">There is none, or it cannot be read.</exception>
    public static QualityReport Read(ArtifactStore store, StoredTree tree)
    {
        var file = tree.Entries.OfType<TreeEntry.File>().FirstOrDefault(file => file.Path.Value == QualityReport.FileName)
            ?? throw new EvaluationException($"The result of {StepNames.Evaluate} has no {QualityReport.FileName}. Run the step again with --force.");
        return QualityReportJson.Read(store.ContentPath(file));
    }

    /// <summary>Refuses what lost more than the recipe allows.</summary>
    /// <exception cref="QualityGateException">It did; the message has the table.</exception>
    public static void ThrowIfFailed(Recipe recipe, QualityReport? report)
    {
        if (report is not null && recipe.Evaluate is { } options)
        {
            GatesOf(options).ThrowIfFailed(report, $"evaluate: {recipe.Name}");
        }
    }

    /// <summary>What a limit says against a report, in a few words; null where nothing does.</summary>
    public static string? Objection(Recipe recipe, QualityReport report) => recipe.Evaluate is { } options
        && GatesOf(options).Check(report, report.Variants[^1]).FirstOrDefault(result => !result.Passed) is { } failed
            ? $"{failed.Name} is {failed.Value}, at most {failed.Limit} is allowed"
            : null;

    private static QualityGates GatesOf(EvaluateOptions options) => new(options.MaxPerplexityIncrease?.Share, options.MaxKl);
}
