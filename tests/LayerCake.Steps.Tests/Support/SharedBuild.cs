namespace LayerCake.Steps.Tests;

/// <summary>One build of the demo recipe, for all tests that only look at it.</summary>
[SetUpFixture]
internal sealed class SharedBuild
{
    public static DemoProject Project { get; private set; } = null!;

    public static DemoBuild Result { get; private set; } = null!;

    public static string StoreFolder => RecipeBuild.StoreFolder(Project.Artifacts);

    public static string Workspace => Result.Build.OutputFolder;

    [OneTimeSetUp]
    public async Task BuildOnce()
    {
        Project = new DemoProject();
        Result = await Project.BuildAsync();
    }

    [OneTimeTearDown]
    public void Remove() => Project.Dispose();
}
