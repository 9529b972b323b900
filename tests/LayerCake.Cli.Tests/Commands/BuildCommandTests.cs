using System.Text.Json;
using System.Text.RegularExpressions;
using LayerCake.Building;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary>Running a recipe: side by side, after failures, and what is left to read.</summary>
public sealed partial class BuildCommandTests : IDisposable
{
    private const string Log = "artifacts/logs/internlm-tiny-w4kv8.jsonl";
    private const string Token = "hf_planted0token1for2this3test";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestCase(1)]
    [TestCase(3)]
    public void A_replay_prints_what_the_build_printed(int jobs)
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);
        var built = UndisturbedBuild.Run(_folder, ["build", "--jobs", $"{jobs}"]).Succeeded();

        var replayed = LayerCakeCommand.Run(_folder.Path, "replay", Log).Succeeded();

        Assert.That(replayed.Output, Is.EqualTo(built.Output));
        Assert.That(replayed.Error, Is.EqualTo(built.Error));
        Assert.That(Snapshot.Of(_folder.At("artifacts", UndisturbedBuild.RecipeName)), Is.EqualTo(UndisturbedBuild.Package));
    }

    [Test]
    public void Kv_qparams_and_auto_awq_overlap_with_two_jobs_and_not_with_one()
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);
        UndisturbedBuild.Run(_folder, ["build", "--force", "--jobs", "2"]).Succeeded();
        var both = Order();
        UndisturbedBuild.Run(_folder, ["build", "--force", "--jobs", "1"]).Succeeded();
        var one = Order();

        Assert.That(both[..2], Is.EquivalentTo(new[] { "start kv_qparams", "start auto_awq" }), string.Join(", ", both));
        Assert.That(one, Is.EqualTo(new[] { "start kv_qparams", "end kv_qparams", "start auto_awq", "end auto_awq" }));
    }

    [Test]
    public void The_console_says_the_same_with_one_job_as_with_two()
    {
        UndisturbedBuild.CopyCalibratedStore(_folder);
        var one = UndisturbedBuild.Run(_folder, ["build", "--force"]).Succeeded();
        var two = UndisturbedBuild.Run(_folder, ["build", "--force", "-j", "2"]).Succeeded();

        Assert.That(Lines(two.Output), Is.EqualTo(Lines(one.Output)));

        static IEnumerable<string> Lines(string output) => Times().Replace(output, "T").Split('\n');
    }

    [Test]
    public void With_json_the_events_are_printed_and_they_are_those_of_the_log()
    {
        UndisturbedBuild.CopyStore(_folder);

        var result = UndisturbedBuild.Run(_folder, ["build", "--json"]).Succeeded();

        Assert.That(result.Output, Is.EqualTo(File.ReadAllText(_folder.At(Log))));
        var names = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("event").GetString()).ToList();
        Assert.That(names[0], Is.EqualTo("build_started"));
        Assert.That(names[^1], Is.EqualTo("build_finished"));
        Assert.That(names.Count(name => name == "step_finished"), Is.EqualTo(5));
    }

    [Test]
    public void The_environment_and_absolute_paths_are_nowhere_in_what_a_build_leaves()
    {
        using var process = LayerCakeCommand.Start(
            _folder.Path, ["build", .. UndisturbedBuild.RecipeArguments], environment: new Dictionary<string, string> { ["HF_TOKEN"] = Token, ["SOME_SETTING"] = Token + "x" });
        LayerCakeCommand.End(process).Succeeded();
        UndisturbedBuild.Run(_folder, ["step", "convert", "--force", "--events", "artifacts/logs/more.jsonl"]).Succeeded();

        using (Assert.EnterMultipleScope())
        {
            foreach (var file in Directory.EnumerateFiles(_folder.At("artifacts"), "*", SearchOption.AllDirectories))
            {
                Assert.That(Contains(file, Token), Is.False, $"{file} holds the token");
            }

            foreach (var file in Directory.EnumerateFiles(_folder.At("artifacts", "logs")))
            {
                Assert.That(Contains(file, _folder.Path), Is.False, $"{file} holds the working folder");
                Assert.That(Contains(file, RepositoryFiles.Recipes("models")), Is.False, $"{file} holds the model's folder");
            }
        }
    }

    [Test]
    public void A_failed_step_says_what_how_to_repeat_it_and_where_its_work_is()
    {
        File.WriteAllText(_folder.At("recipe.yaml"), SmallRecipe.Text(RepositoryFiles.DemoModel));
        File.WriteAllBytes(_folder.At("text.txt"), [(byte)'c', (byte)'a', (byte)'f', 0xE9, (byte)'\n']);
        const string Message = "text.txt: not UTF-8 at byte 3 (line 1, value 0xE9). Save it as UTF-8.";

        var result = LayerCakeCommand.Run(_folder.Path, "build", "--recipe", "recipe.yaml", "--set", "calibrate.seed=1", "--keep-failed");

        result.WasRefused(ExitCode.Input, _folder.At(Message));
        var key = BuildEventLog.Read(_folder.At("artifacts", "logs", "recipe.jsonl")).OfType<StepPlanned>().First(e => e.Step == "calibrate").Key.Short;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Times().Replace(result.Output, " T"), Is.EqualTo(
                $"""
                Loading calibrate dataset ...
                calibrate: failed in T
                  last lines:
                    Loading calibrate dataset ...
                  kept: artifacts/failed/calibrate-{key}
                  again, alone: layercake step calibrate --recipe recipe.yaml --set calibrate.seed=1
                kv_qparams: skipped, calibrate failed
                auto_awq: skipped, calibrate failed
                convert: skipped, calibrate failed
                package: skipped, calibrate failed

                  step        outcome                  time         size  why
                  calibrate   failed T               {Message}
                  kv_qparams  skipped                                     calibrate failed
                  auto_awq    skipped                                     calibrate failed
                  convert     skipped                                     calibrate failed
                  package     skipped                                     calibrate failed

                """));
            Assert.That(Directory.Exists(_folder.At("artifacts", "failed", $"calibrate-{key}", "output")));
        }

        var replayed = LayerCakeCommand.Run(_folder.Path, "replay", "artifacts/logs/recipe.jsonl").Succeeded();
        Assert.That(replayed.Output, Is.EqualTo(result.Output));
        Assert.That(replayed.Error, Is.EqualTo($"layercake: {Message}\n"), "a log has no absolute paths");
    }

    [Test]
    public void A_step_beyond_its_time_is_stopped_with_a_code_of_its_own()
    {
        SmallRecipe.WriteTo(_folder, RepositoryFiles.DemoModel);
        File.WriteAllText(_folder.At("text.txt"), string.Concat(Enumerable.Repeat("The quick brown fox jumps over the lazy dog.\n\n", 4000)));
        File.AppendAllText(_folder.At("recipe.yaml"), "execution: { timeout: 1 s }\n");

        LayerCakeCommand.Run(_folder.Path, "build", "--recipe", "recipe.yaml", "--set", "calibrate.samples=1000", "--set", "calibrate.sequence_length=512").WasRefusedWith(
            ExitCode.Timeout, Does.StartWith("layercake: calibrate took longer than 1 s (execution.timeout) and was stopped"));
    }

    [Test]
    public void A_matrix_is_one_build_with_one_table_and_what_variants_share_is_made_once()
    {
        SmallRecipe.WriteTo(_folder, RepositoryFiles.DemoModel);
        File.AppendAllText(_folder.At("recipe.yaml"), "matrix: { kv_qparams.symmetric: [false, true] }\n");

        var result = LayerCakeCommand.Run(_folder.Path, "build", "--recipe", "recipe.yaml", "--jobs", "2").Succeeded();

        var rows = BuildEventLog.Read(_folder.At("artifacts", "logs", "recipe.jsonl")).OfType<BuildFinished>().Single().Rows;
        var (first, second) = (rows[0].Recipe, rows[^1].Recipe);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(rows.Where(row => row.Recipe == first).Select(row => row.Outcome), Is.All.EqualTo("ran"));
            Assert.That(rows.Where(row => row.Recipe == second).Select(row => $"{row.Step} {row.Outcome}"), Is.EqualTo(
                new[] { "calibrate cached", "kv_qparams ran", "auto_awq cached", "convert cached", "package ran" }));
            Assert.That(rows.Where(row => row.Recipe == second && row.Outcome == "cached").Select(row => row.Reason), Is.All.EqualTo($"made for {first}"));
            Assert.That(result.Output, Does.Contain($"\n{first} -> artifacts/{first}\n{second} -> artifacts/{second}\n"));
            Assert.That(result.Output, Does.Match($@"\n  {Regex.Escape(second)} +cached +ran +cached +cached +ran +\d"));
            Assert.That(Directory.Exists(_folder.At("artifacts", first)) && Directory.Exists(_folder.At("artifacts", second)));
        }

        var replayed = LayerCakeCommand.Run(_folder.Path, "replay", "artifacts/logs/recipe.jsonl").Succeeded();
        Assert.That(replayed.Output, Is.EqualTo(result.Output));
    }

    [TestCase("0")]
    [TestCase("65")]
    [TestCase("many")]
    public void A_number_of_jobs_that_makes_no_sense_is_refused(string jobs) =>
        UndisturbedBuild.Run(_folder, ["build", "--jobs", jobs]).WasRefusedWith(ExitCode.Usage, Does.Contain("64").Or.Contain(jobs));

    [Test]
    public void A_file_that_is_no_log_is_refused()
    {
        File.WriteAllText(_folder.At("x.jsonl"), "hello\n");
        LayerCakeCommand.Run(_folder.Path, "replay", "x.jsonl").WasRefusedWith(ExitCode.Storage, Does.StartWith("layercake: cannot read the log x.jsonl: line 1: not an event"));
        LayerCakeCommand.Run(_folder.Path, "replay", "none.jsonl").WasRefusedWith(ExitCode.Storage, Does.StartWith("layercake: cannot read the log: "));
    }

    [GeneratedRegex(@" *\d+\.\d\d s")]
    private static partial Regex Times();

    private static bool Contains(string file, string text) => File.ReadAllBytes(file).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)) >= 0;

    private string[] Order() =>
    [
        .. BuildEventLog.Read(_folder.At(Log)).OfType<StepEvent>()
            .Where(e => (e is StepStarted or StepFinished) && (e.Step is "kv_qparams" or "auto_awq"))
            .Select(e => $"{(e is StepStarted ? "start" : "end")} {e.Step}"),
    ];
}
