namespace LayerCake.Recipes;

/// <summary>Which checkpoint is built, and which chat template and session length its workspace gets.</summary>
public sealed record ModelOptions
{
    /// <summary>One of <see cref="ChatTemplates.Names"/>.</summary>
    public required string Name { get; init; }

    public required ModelSource Source { get; init; }

    /// <summary>Writes the name. The source is no part of a key: the digests of the checkpoint's files are.</summary>
    public void AddTo(IKeyWriter key) => ModelFields.Name.AddTo(key, Name);
}
