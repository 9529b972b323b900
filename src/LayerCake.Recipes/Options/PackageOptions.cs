namespace LayerCake.Recipes;

/// <summary>What the finished workspace carries besides weights and templates.</summary>
public sealed record PackageOptions : IStepOptions
{
    /// <summary>
    /// Whether <c>serve.sh</c> and <c>launch.json</c> with <see cref="EngineContract.LaunchArguments"/> are written: releases 0.2.0 to 0.3.0
    /// forget the workspace's <c>quant_policy</c> unless it is repeated at launch. Default true.
    /// </summary>
    public bool LaunchFiles { get; init; } = PackageFields.LaunchFiles.Default;

    /// <summary>The file that the package is also put into. Default none.</summary>
    public ArchiveFormat Archive { get; init; } = PackageFields.Archive.Default;

    public void AddTo(IKeyWriter key)
    {
        PackageFields.LaunchFiles.AddTo(key, LaunchFiles);
        PackageFields.Archive.AddTo(key, Archive);
    }
}
