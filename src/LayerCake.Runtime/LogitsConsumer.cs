namespace LayerCake.Runtime;

/// <summary>Takes the logits of some positions.</summary>
/// <param name="firstPosition">The position of the first row: its logits are for the token after it.</param>
/// <param name="logits">Float32 [rows, vocabulary], valid during the call only.</param>
public delegate void LogitsConsumer(int firstPosition, ReadOnlySpan<float> logits);
