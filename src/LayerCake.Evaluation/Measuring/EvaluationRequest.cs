namespace LayerCake.Evaluation;

/// <summary>What is measured, on what.</summary>
public sealed record EvaluationRequest
{
    public required EvaluationWindows Windows { get; init; }

    /// <summary>The first is the baseline that the others are compared with.</summary>
    public required IReadOnlyList<EvaluationVariant> Variants { get; init; }

    /// <summary>Windows computed at once; 0 for one per core. Never changes a figure.</summary>
    public int Threads { get; init; }
}
