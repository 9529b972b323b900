using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary><c>layercake evaluate</c>, and evaluate as a step whose limits stop a build.</summary>
public sealed class EvaluateTests
{
    private static readonly string Text = RepositoryFiles.Recipes("data", "prose-eval.txt");

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Artifacts_are_measured_side_by_side_and_held_against_limits_and_earlier_figures()
    {
        string[] command = ["evaluate", UndisturbedBuild.PackageFolder, "--baseline", RepositoryFiles.DemoModel, "--dataset", Text, "--window", "32", "--windows", "2"];

        var passed = LayerCakeCommand.Run(_folder.Path, [.. command, "--output", _folder.At("figures"), "--max-perplexity-increase", "9000%"]).Succeeded();
        var failed = LayerCakeCommand.Run(_folder.Path, [.. command, "--json", "--max-kl", "0.0001", "--against", _folder.At("figures", "evaluation.json")]);
        using var json = JsonDocument.Parse(failed.Output);
        var names = json.RootElement.GetProperty("variants").EnumerateArray().Select(variant => variant.GetProperty("name").GetString());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(passed.Output, Does.Contain("passed: perplexity increase of internlm-tiny-w4kv8 + int8 KV"));
            Assert.That(File.ReadAllText(_folder.At("figures", "evaluation.md")), Does.Contain("| internlm-tiny-w4kv8 + int8 KV | int4 | int8 |"));
            Assert.That((ExitCode)failed.ExitCode, Is.EqualTo(ExitCode.Quality), failed.Error);
            Assert.That(names, Is.EqualTo(new[] { "internlm-tiny", "internlm-tiny-w4kv8", "internlm-tiny-w4kv8 + int8 KV" }));
            Assert.That(json.RootElement.GetProperty("gates").EnumerateArray().Select(gate => gate.GetProperty("passed").GetBoolean()), Is.EqualTo(new[] { false, false }));
            Assert.That(failed.Error, Does.Contain("internlm-tiny: perplexity").And.Contain("(+0.00 %)"));
        }

        LayerCakeCommand.Run(_folder.Path, [.. command[..^1], "1", "--against", _folder.At("figures", "evaluation.json")])
            .WasRefusedWith(ExitCode.Input, Does.Contain("cannot be compared").And.Contain("windows 1 and 2").And.Contain("tokens 31 and 62"));
    }

    [Test]
    public void A_limit_that_is_passed_over_stops_the_build_before_anything_is_packaged()
    {
        string[] evaluate = ["--set", $"evaluate={{ dataset: {Text}, window: 32, windows: 2, max_kl: 0.0001 }}"];
        UndisturbedBuild.CopyQuantizedStore(_folder);
        string[] recipe = [.. UndisturbedBuild.RecipeArguments, .. evaluate];

        var first = LayerCakeCommand.Run(_folder.Path, ["build", .. recipe]);
        var package = _folder.At("artifacts", UndisturbedBuild.RecipeName);
        var leftBehind = Directory.Exists(package);
        var again = LayerCakeCommand.Run(_folder.Path, ["build", .. recipe]);
        var alone = LayerCakeCommand.Run(_folder.Path, ["step", "package", .. recipe]);
        var plan = LayerCakeCommand.Run(_folder.Path, ["plan", .. recipe]).Succeeded();
        var allowed = LayerCakeCommand.Run(_folder.Path, ["build", .. recipe, "--set", "evaluate.max_kl=1000"]).Succeeded();
        var shipped = Snapshot.Of(package);
        var refused = LayerCakeCommand.Run(_folder.Path, ["build", .. recipe]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((ExitCode)first.ExitCode, Is.EqualTo(ExitCode.Quality), first.Output + first.Error);
            Assert.That(first.Error, Does.Contain("lost more than it may: mean KL divergence of int4 + int8 KV is ").And.Contain("at most 0.0001 is allowed").And.Contain("perplexity"));
            Assert.That(first.Output, Does.Contain("package: skipped, evaluate failed"));
            Assert.That(leftBehind, Is.False, "no package is left behind");
            Assert.That((ExitCode)again.ExitCode, Is.EqualTo(ExitCode.Quality));
            Assert.That(again.Output, Does.Not.Contain("windows of 32 tokens"), "what was measured is not measured again");
            Assert.That((ExitCode)alone.ExitCode, Is.EqualTo(ExitCode.Quality), "nor can it be packaged alone");
            Assert.That(plan.Output, Does.Match("evaluate +[0-9a-f]{12} +run .*mean KL divergence is .*, at most 0.0001 is allowed"));
            Assert.That(allowed.Output, Does.Contain("evaluate: cached"));
            Assert.That(File.ReadAllText(Path.Combine(package, "SHA256SUMS")), Does.Contain("evaluation.json"));
            Assert.That(File.ReadAllText(Path.Combine(package, "bom.cdx.json")), Does.Contain("quantitativeAnalysis").And.Contain("\"perplexity\""));
            Assert.That((ExitCode)refused.ExitCode, Is.EqualTo(ExitCode.Quality));
            Assert.That(Snapshot.Of(package), Is.EqualTo(shipped), "an earlier package stays as it was");
        }

        LayerCakeCommand.Run(_folder.Path, "verify", package).Succeeded();
    }

    [Test]
    public void What_cannot_be_measured_is_refused()
    {
        File.WriteAllText(_folder.At("short.txt"), "Once.");
        File.WriteAllBytes(_folder.At("latin.txt"), [65, 0xE9, 66]);
        string[] model = ["evaluate", RepositoryFiles.DemoModel];

        LayerCakeCommand.Run(_folder.Path, [.. model, "--dataset", "short.txt"]).WasRefusedWith(ExitCode.Input, Does.Contain("one window of 512 needs 511"));
        LayerCakeCommand.Run(_folder.Path, [.. model, "--dataset", "latin.txt"]).WasRefusedWith(ExitCode.Input, Does.Contain("not UTF-8 at byte 1"));
        LayerCakeCommand.Run(_folder.Path, [.. model, "--dataset", "none.txt"]).WasRefusedWith(ExitCode.Input, Does.Contain("there is no such"));
        LayerCakeCommand.Run(_folder.Path, [.. model, "--dataset", Text, "--max-kl", "x"]).WasRefusedWith(ExitCode.Usage, Does.Contain("--max-kl is 'x'"));
        LayerCakeCommand.Run(_folder.Path, [.. model, "--dataset", Text, "--window", "1"]).WasRefusedWith(ExitCode.Usage, Does.Contain("from 2 to 1048576"));
    }
}
