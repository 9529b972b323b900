namespace LayerCake.Cake.Tests;

/// <summary>Once for all tests: the tool, the command and the compiled scripts in the checkout, which the tests' folders take.</summary>
[SetUpFixture]
public sealed class PreparedCheckout
{
    [OneTimeSetUp]
    public void Prepare() => CakeFolder.PrepareCheckout();
}
