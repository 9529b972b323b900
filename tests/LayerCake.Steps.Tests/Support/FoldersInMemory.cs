using LayerCake.Testing;

namespace LayerCake.Steps.Tests;

/// <summary>Whole builds, again and again; the golden steps, stubs and interrupted builds are on a disk.</summary>
[SetUpFixture]
public sealed class FoldersInMemory
{
    [OneTimeSetUp]
    public void Choose() => TemporaryFolder.UseMemory();
}
