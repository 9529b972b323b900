using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary><c>plan</c>, <c>build</c> and <c>step</c> where nothing goes wrong, and the documents they write.</summary>
public sealed class RecipeCommandTests : IDisposable
{
    private static readonly string[] Steps = ["calibrate", "kv_qparams", "auto_awq", "convert", "package"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void A_plan_of_nothing_built_says_so_and_writes_nothing()
    {
        var text = UndisturbedBuild.Run(_folder, ["plan"]).Succeeded();

        Assert.That(text.Output, Does.StartWith($"{UndisturbedBuild.RecipeName} -> artifacts/{UndisturbedBuild.RecipeName}\n").And.EndWith("\n5 of 5 steps would run.\n"));
        Assert.That(text.Output.Split('\n').Count(line => line.EndsWith("never built", StringComparison.Ordinal)), Is.EqualTo(5));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path), Is.Empty);
    }

    [Test]
    public void A_plan_as_json_has_every_step_with_key_outcome_reason_and_changes()
    {
        UndisturbedBuild.CopyStore(_folder);

        using var plan = JsonDocument.Parse(UndisturbedBuild.Run(_folder, ["plan", "--json", "--set", "kv_qparams.symmetric=true"]).Succeeded().Output);

        var root = plan.RootElement;
        var steps = root.GetProperty("steps").EnumerateArray().ToDictionary(step => step.GetProperty("name").GetString()!);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(root.GetProperty("format").GetInt32(), Is.EqualTo(1));
            Assert.That(root.GetProperty("recipe").GetString(), Is.EqualTo(UndisturbedBuild.RecipeName));
            Assert.That(root.GetProperty("output").GetString(), Is.EqualTo($"artifacts/{UndisturbedBuild.RecipeName}"));
            Assert.That(steps.Keys, Is.EquivalentTo(Steps));
            Assert.That(steps["calibrate"].GetProperty("key").GetString(), Is.EqualTo(UndisturbedBuild.KeyOf("calibrate")));
            Assert.That(Steps.Select(name => steps[name].GetProperty("outcome").GetString()), Is.EqualTo(new[] { "cached", "run", "cached", "cached", "run" }));
            Assert.That(steps["kv_qparams"].GetProperty("reason").GetString(), Is.EqualTo("changed: kv_qparams.symmetric false \u2192 true"));
            Assert.That(steps["package"].GetProperty("reason").GetString(), Does.Contain("kv_qparams will run"));
            var change = steps["kv_qparams"].GetProperty("changes").EnumerateArray().Single();
            Assert.That(change.GetProperty("field").GetString(), Is.EqualTo("recipe.kv_qparams.symmetric"));
            Assert.That((change.GetProperty("old").GetString(), change.GetProperty("new").GetString()), Is.EqualTo(("false", "true")));
            Assert.That(steps["package"].GetProperty("dependsOn").EnumerateArray().Select(name => name.GetString()), Is.EqualTo(new[] { "convert", "kv_qparams" }));
            Assert.That(
                steps["calibrate"].GetProperty("inputs").EnumerateArray().Select(input => (input.GetProperty("name").GetString(), input.GetProperty("sha256").GetString()!.Length)),
                Is.EquivalentTo(new[] { ("model", 64), ("tokenizer", 64), ("dataset", 64) }));
            Assert.That(steps["calibrate"].GetProperty("bytes").GetInt64(), Is.Positive);
            Assert.That(steps["kv_qparams"].TryGetProperty("bytes", out _), Is.False);
            Assert.That(Steps.Select(name => steps[name].GetProperty("seconds").GetDouble()), Is.All.Not.Negative, "those that would run have the time of their last build");
            Assert.That(steps["calibrate"].GetProperty("seconds").GetDouble(), Is.Positive);
        }
    }

    [Test]
    public void A_second_build_runs_nothing_a_lost_workspace_is_put_back_and_force_runs_all()
    {
        UndisturbedBuild.CopyStore(_folder);

        var lost = UndisturbedBuild.Run(_folder, ["plan"]).Succeeded();
        var back = UndisturbedBuild.AssertCompletes(_folder);
        var nothing = UndisturbedBuild.Run(_folder, ["plan"]).Succeeded();
        var more = UndisturbedBuild.Run(_folder, ["plan", "--set", "kv_qparams.symmetric=true"]).Succeeded();
        var forced = UndisturbedBuild.Run(_folder, ["step", "kv-qparams", "--force"]).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(lost.Output, Does.Contain($"artifacts/{UndisturbedBuild.RecipeName} is missing or differs; it is put back from the store"));
            Assert.That(Steps.Select(step => back.Output.Contains($"{step}: cached {UndisturbedBuild.KeyOf(step)[..12]}\n")), Is.All.True, back.Output);
            Assert.That(back.Output, Does.EndWith($"\n{UndisturbedBuild.RecipeName} -> artifacts/{UndisturbedBuild.RecipeName}\n"));
            Assert.That(nothing.Output, Does.EndWith("\nNothing to do.\n"));
            Assert.That(more.Output, Does.Match(@"\n2 of 5 steps would run \(\d+\.\d\d s when they ran last\)\.\n$"));
            Assert.That(forced.Output, Does.Match(@"^Layer 0 MP 0 qparam: (.*\n)+kv_qparams: ran in \d+\.\d\d s, \d+\.\d\d MB, [0-9a-f]{12} \(forced\)\n$"));
        }
    }

    [Test]
    public void A_step_writes_its_result_and_places_its_output()
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);

        UndisturbedBuild.Run(_folder, ["step", "kv_qparams", "--result", "ran.json", "--place", "scales", "--exit-with-parent"]).Succeeded();
        UndisturbedBuild.Run(_folder, ["step", "kv_qparams", "--result", "cached.json"]).Succeeded();

        using var ran = JsonDocument.Parse(File.ReadAllBytes(_folder.At("ran.json")));
        using var cached = JsonDocument.Parse(File.ReadAllBytes(_folder.At("cached.json")));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ran.RootElement.EnumerateObject().Select(member => member.Name), Is.EqualTo(new[] { "name", "key", "outcome", "reason", "seconds", "bytes" }));
            Assert.That(ran.RootElement.GetProperty("name").GetString(), Is.EqualTo("kv_qparams"));
            Assert.That(ran.RootElement.GetProperty("key").GetString(), Is.EqualTo(UndisturbedBuild.KeyOf("kv_qparams")));
            Assert.That(ran.RootElement.GetProperty("outcome").GetString(), Is.EqualTo("ran"));
            Assert.That(ran.RootElement.GetProperty("reason").GetString(), Is.EqualTo("never built"));
            Assert.That(ran.RootElement.GetProperty("bytes").GetInt64(), Is.EqualTo(6 * 16));
            Assert.That(cached.RootElement.GetProperty("outcome").GetString(), Is.EqualTo("cached"));
            Assert.That(cached.RootElement.GetProperty("reason").GetString(), Is.EqualTo("up to date"));
            Assert.That(Directory.EnumerateFiles(_folder.At("scales")).Count(), Is.EqualTo(6));
        }
    }

    [Test]
    public void A_step_that_was_told_to_wait_runs_on_a_line_and_does_nothing_without_one()
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);
        string[] waiting = ["step", "kv_qparams", "--wait", "--result", "result.json", .. UndisturbedBuild.RecipeArguments];

        var left = LayerCakeCommand.Run(_folder.Path, waiting, input: "");
        var isThere = File.Exists(_folder.At("result.json"));
        var told = LayerCakeCommand.Run(_folder.Path, waiting, input: "\n").Succeeded();

        using (Assert.EnterMultipleScope())
        {
            Assert.That((left.ExitCode, left.Output, left.Error, isThere), Is.EqualTo(((int)ExitCode.Interrupted, "", "", false)));
            Assert.That(told.Output, Does.Match(@"\nkv_qparams: ran in "));
            Assert.That(File.ReadAllText(_folder.At("result.json")), Does.Contain("\"outcome\": \"ran\"").Or.Contain("\"outcome\":\"ran\""));
        }
    }

    [Test]
    public void A_step_that_is_unknown_or_comes_too_early_is_told()
    {
        using (Assert.EnterMultipleScope())
        {
            UndisturbedBuild.Run(_folder, ["step", "convrt"]).WasRefused(
                ExitCode.Usage,
                $"The recipe {UndisturbedBuild.RecipeName} has no step 'convrt'; did you mean 'convert'? Its steps: calibrate, kv_qparams, auto_awq, convert, package.");
            UndisturbedBuild.Run(_folder, ["step", "convert"]).WasRefused(
                ExitCode.Storage, "convert needs the result of auto_awq, which is not in the store (it was not built); run auto_awq first");
        }
    }
}
