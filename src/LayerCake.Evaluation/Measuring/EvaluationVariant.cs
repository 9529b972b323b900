namespace LayerCake.Evaluation;

/// <summary>One way to run a model that is measured.</summary>
/// <param name="Name">In tables: <c>int4 + int8 KV</c>.</param>
/// <param name="Model">Its weights; several variants may share them.</param>
/// <param name="QuantizesCache">Whether keys and values pass through the int8 cache of the model's own scales.</param>
public sealed record EvaluationVariant(string Name, EvaluatedModel Model, bool QuantizesCache = false);
