namespace LayerCake.TurboMind;

/// <summary>Where things lie in a workspace.</summary>
public static class WorkspacePaths
{
    /// <summary>What makes a folder a workspace, for LMDeploy and for us.</summary>
    public const string Models = "triton_models";

    public static string Weights(string workspace) => Path.Combine(workspace, Models, "weights");

    public static string Tokenizer(string workspace) => Path.Combine(workspace, Models, "tokenizer");

    public static string Configuration(string workspace) => Path.Combine(Weights(workspace), EngineConfigurationFile.FileName);

    public static bool IsWorkspace(string folder) => Directory.Exists(Path.Combine(folder, Models));
}
