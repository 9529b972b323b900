namespace LayerCake.Cli.Tests;

/// <summary>How a process ended.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>Asserts that it did what it was asked to.</summary>
    public CommandResult Succeeded()
    {
        Assert.That(ExitCode, Is.Zero, $"{Output}{Error}");
        return this;
    }

    /// <summary>Asserts that it was refused with exactly this text after <c>layercake: </c>, and without a stack trace.</summary>
    public void WasRefused(ExitCode code, string message) => WasRefusedWith(code, Is.EqualTo($"layercake: {message}\n"));

    public void WasRefusedWith(ExitCode code, NUnit.Framework.Constraints.IResolveConstraint error)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That((ExitCode)ExitCode, Is.EqualTo(code), $"{Output}{Error}");
            Assert.That(Error, error);
            Assert.That(Output + Error, Does.Not.Contain("   at "));
        }
    }
}
