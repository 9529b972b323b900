namespace LayerCake.Runtime;

/// <summary>A token of an answer.</summary>
/// <param name="Id">Its id in the vocabulary.</param>
/// <param name="Count">How many tokens the answer has with it.</param>
public readonly record struct GeneratedToken(int Id, int Count);
