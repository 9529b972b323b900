using LayerCake.Testing;

namespace LayerCake.Cli.Tests;

/// <summary>Whole builds, again and again; the undisturbed one that they are compared with is on a disk, and so is a machine that is unlike this one.</summary>
[SetUpFixture]
public sealed class FoldersInMemory
{
    [OneTimeSetUp]
    public void Choose() => TemporaryFolder.UseMemory();
}
