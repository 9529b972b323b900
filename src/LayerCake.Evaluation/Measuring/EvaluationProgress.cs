namespace LayerCake.Evaluation;

/// <param name="Done">Windows of all layers and of the head that are done.</param>
/// <param name="Total">Of so many.</param>
public readonly record struct EvaluationProgress(long Done, long Total);
