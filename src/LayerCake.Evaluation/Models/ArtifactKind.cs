namespace LayerCake.Evaluation;

/// <summary>What a folder that is measured holds.</summary>
public enum ArtifactKind
{
    /// <summary>A Hugging Face folder with 16-bit or 32-bit weights.</summary>
    Checkpoint,

    /// <summary>A Hugging Face folder with AWQ's packed int4 weights.</summary>
    AwqCheckpoint,

    /// <summary>A TurboMind workspace.</summary>
    Workspace,
}
