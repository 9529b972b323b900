using LayerCake.Testing;

namespace LayerCake.Cake.Tests;

/// <summary>Whole builds, again and again; the one in the checkout is on a disk.</summary>
[SetUpFixture]
public sealed class FoldersInMemory
{
    [OneTimeSetUp]
    public void Choose() => TemporaryFolder.UseMemory();
}
