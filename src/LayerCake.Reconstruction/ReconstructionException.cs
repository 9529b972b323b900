namespace LayerCake.Reconstruction;

/// <summary>A model, samples or limits that cannot be reconstructed with, told to the user: what, where, what to do.</summary>
public sealed class ReconstructionException(string message, Exception? inner = null) : Exception(message, inner);
