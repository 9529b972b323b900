namespace LayerCake.Recipes;

/// <summary>The file format of the AWQ checkpoint.</summary>
public enum CheckpointFormat
{
    Safetensors,

    /// <summary>Torch archives, as the original writes them.</summary>
    Bin,
}
