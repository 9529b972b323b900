namespace LayerCake.Runtime;

/// <summary>What a model was loaded from.</summary>
public enum ModelSourceKind
{
    /// <summary>A TurboMind workspace.</summary>
    Workspace,

    /// <summary>A Hugging Face folder with 16-bit or 32-bit weights.</summary>
    Checkpoint,

    /// <summary>A Hugging Face folder with AWQ's packed int4 weights.</summary>
    AwqCheckpoint,
}
