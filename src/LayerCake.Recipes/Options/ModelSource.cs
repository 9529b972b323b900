namespace LayerCake.Recipes;

/// <summary>Where the checkpoint comes from, as the recipe says it.</summary>
public abstract record ModelSource
{
    private protected ModelSource(string text) => Text = text;

    /// <summary>The value as written in the recipe.</summary>
    public string Text { get; }

    public sealed override string ToString() => Text;
}

/// <summary>A Hugging Face folder; a relative path counts from the recipe's folder.</summary>
public sealed record FolderSource(string Path) : ModelSource(Path);

/// <summary>A repository on the Hugging Face hub, <c>hf:organization/name@revision</c>.</summary>
/// <param name="Organization">Owner of the repository.</param>
/// <param name="Name">Name of the repository.</param>
/// <param name="Revision">A commit, tag or branch; null for the default branch.</param>
public sealed record HubSource(string Organization, string Name, string? Revision)
    : ModelSource(Revision is null ? $"hf:{Organization}/{Name}" : $"hf:{Organization}/{Name}@{Revision}")
{
    /// <summary>The repository's name as the hub writes it.</summary>
    public string Repository => $"{Organization}/{Name}";

    /// <summary>Whether the revision is a full commit hash, which alone names the same bytes for ever.</summary>
    public bool IsPinned => Revision is { Length: 40 } && Revision.All(char.IsAsciiHexDigitLower);
}
