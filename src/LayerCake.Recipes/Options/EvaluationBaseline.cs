namespace LayerCake.Recipes;

/// <summary>What a result is compared with.</summary>
public enum EvaluationBaseline
{
    /// <summary>The source checkpoint.</summary>
    Source,
}
