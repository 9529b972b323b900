namespace LayerCake.Recipes;

/// <summary>The file in which an engine release looks for a workspace's settings.</summary>
public enum WorkspaceConfiguration
{
    /// <summary><c>config.ini</c>, up to 0.5.3.</summary>
    Ini,

    /// <summary><c>config.yaml</c>, 0.6.0 to 0.9.2.</summary>
    Yaml,

    /// <summary>0.10.0 and later load Hugging Face folders and no workspaces.</summary>
    None,
}
