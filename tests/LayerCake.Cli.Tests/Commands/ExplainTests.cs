using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary>Why a step would run, whether anything would, and a step that is run again by hand.</summary>
public sealed class ExplainTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void An_explained_plan_has_every_changed_field_with_both_values()
    {
        UndisturbedBuild.CopyStore(_folder);

        var plan = UndisturbedBuild.Run(_folder, ["plan", "--explain", "--set", "kv_qparams.symmetric=true", "--set", "auto_awq.format=bin"]).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(plan.Output, Does.Match(@"\ncalibrate [0-9a-f]{12}: cached, .*\n  all \d+ fields of its key are those of the stored result\n"));
            Assert.That(plan.Output, Does.Contain("\n  recipe.kv_qparams.symmetric  false → true\n"));
            Assert.That(plan.Output, Does.Match(@"\nauto_awq [0-9a-f]{12}: run, changed: auto_awq.format safetensors → bin\n  recipe.auto_awq.format  safetensors → bin\n  \d+ of \d+ fields are as in its last build\n"));
            Assert.That(plan.Output, Does.Match($@"\n  after\.auto_awq +{UndisturbedBuild.KeyOf("auto_awq")} → [0-9a-f]{{64}}\n"));
        }
    }

    [Test]
    public void Where_there_was_no_build_an_explanation_says_so()
    {
        var plan = UndisturbedBuild.Run(_folder, ["plan", "--explain"]).Succeeded();

        Assert.That(plan.Output, Does.Match(@"\ncalibrate [0-9a-f]{12}: run, never built\n  its key has \d+ fields; there is no earlier build to compare them with\n"));
    }

    [Test]
    public void A_question_is_answered_by_the_exit_code()
    {
        var before = UndisturbedBuild.Run(_folder, ["plan", "--question"]);
        UndisturbedBuild.CopyStore(_folder);
        UndisturbedBuild.AssertCompletes(_folder);
        var after = UndisturbedBuild.Run(_folder, ["plan", "--question"]);
        var changed = UndisturbedBuild.Run(_folder, ["plan", "--question", "--json", "--set", "package.launch_files=false"]);

        Assert.That(
            new[] { before.ExitCode, after.ExitCode, changed.ExitCode },
            Is.EqualTo(new[] { (int)ExitCode.WouldRun, (int)ExitCode.Success, (int)ExitCode.WouldRun }));
    }

    [TestCase("auto_awq")]
    [TestCase("convert")]
    public void A_step_that_is_repeated_by_hand_gives_the_same_tree(string step)
    {
        UndisturbedBuild.CopyStore(_folder);

        UndisturbedBuild.Run(_folder, ["step", step, "--place", "first"]).Succeeded();
        var again = UndisturbedBuild.Run(_folder, ["step", step, "--force", "--place", "again"]).Succeeded();

        Assert.That(again.Output, Does.Contain($"{step}: ran in "));
        Assert.That(Snapshot.Of(_folder.At("again")), Is.EqualTo(Snapshot.Of(_folder.At("first"))));
    }
}
