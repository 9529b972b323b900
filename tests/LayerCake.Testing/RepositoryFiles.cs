using System.Reflection;

namespace LayerCake.Testing;

/// <summary>Where the golden data, the demo model and the recipes lie in the checkout that built the tests.</summary>
public static class RepositoryFiles
{
    /// <summary>Names another checkout, for tests that run elsewhere than they were built.</summary>
    public const string RootVariable = "LAYERCAKE_REPOSITORY";

    /// <summary>The folder that holds Pipeline.sln.</summary>
    public static string Root { get; } = Environment.GetEnvironmentVariable(RootVariable) is { Length: > 0 } folder
        ? Path.GetFullPath(folder)
        : typeof(RepositoryFiles).Assembly
            .GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>A file or folder below tests/golden, for example <c>Golden("internlm", "model")</c>.</summary>
    public static string Golden(params string[] parts) => Path.Combine([Root, "tests", "golden", .. parts]);

    /// <summary>A file or folder below recipes/.</summary>
    public static string Recipes(params string[] parts) => Path.Combine([Root, "recipes", .. parts]);

    /// <summary>The trained demo checkpoint, recipes/models/internlm-tiny.</summary>
    public static string DemoModel => Recipes("models", "internlm-tiny");
}
