using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary>A recipe on made-up weights, as typed.</summary>
public sealed class StubTests : IDisposable
{
    private const string Stub = $"{UndisturbedBuild.RecipeName}-stub";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void A_stub_has_its_own_name_everywhere_and_a_plan_without_it_finds_nothing_built()
    {
        var plan = UndisturbedBuild.Run(_folder, ["plan", "--stub"]).Succeeded();
        Assert.That(plan.Output, Does.StartWith($"{Stub} -> artifacts/{Stub}\n").And.EndWith("\n5 of 5 steps would run.\n"));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path), Is.Empty, "a plan writes nothing");

        var built = UndisturbedBuild.Run(_folder, ["build", "--stub"], environment: new Dictionary<string, string> { ["LAYERCAKE_SIGNING_KEY"] = "no key at all" }).Succeeded();

        var artifacts = Directory.EnumerateFileSystemEntries(_folder.At("artifacts")).Select(path => Path.GetFileName(path));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(built.Output, Does.EndWith($"\n{Stub} -> artifacts/{Stub}\n"));
            Assert.That(artifacts, Is.EquivalentTo(new[] { ".cache", "logs", Stub, $"{Stub}.report.html" }));
            Assert.That(Directory.EnumerateFiles(_folder.At("artifacts", "logs")).Select(path => Path.GetFileName(path)), Is.EqualTo(new[] { $"{Stub}.jsonl" }));
            Assert.That(Directory.EnumerateFileSystemEntries(_folder.At("artifacts", ".cache", "tmp")), Is.Empty);
            Assert.That(LayerCakeCommand.Run(_folder.Path, "verify", $"artifacts/{Stub}").Succeeded().Output, Does.Contain(Stub));
            Assert.That(UndisturbedBuild.Run(_folder, ["plan", "--stub"]).Succeeded().Output, Does.EndWith("\nNothing to do.\n"));
            Assert.That(UndisturbedBuild.Run(_folder, ["plan"]).Succeeded().Output.Split("never built"), Has.Length.EqualTo(6));
        }
    }

    [TestCase("a stub is in no lock record", "--locked")]
    [TestCase("a stub is never signed", "--sign-key", "key.pem")]
    public void What_makes_no_sense_with_a_stub_is_refused(string reason, params string[] options) =>
        UndisturbedBuild.Run(_folder, ["build", "--stub", .. options]).WasRefused(ExitCode.Usage, $"--stub and {options[0]} do not go together: {reason}.");
}
