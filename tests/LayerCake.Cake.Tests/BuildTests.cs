using System.Diagnostics;

namespace LayerCake.Cake.Tests;

/// <summary>Whole builds with Cake, of the float16 demo recipe: two steps, no calibration.</summary>
public sealed class BuildTests
{
    private static readonly string[] Recipe = ["--recipe", "internlm-tiny-fp16.yaml"];

    [Test]
    public void A_dry_run_and_a_tree_write_nothing()
    {
        using var folder = new CakeFolder();
        var before = folder.Snapshot();

        var dry = folder.Cake([.. Recipe, "--dryrun"]);
        var tree = folder.Cake([.. Recipe, "--tree"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(dry.ExitCode, Is.Zero, dry.Text);
            Assert.That(dry.Text, Does.Contain("1. convert").And.Contain("2. package"));
            Assert.That(tree.Text, Does.Contain("└─convert"));
            Assert.That(folder.Snapshot(), Is.EqualTo(before));
        }
    }

    [Test]
    public void A_build_runs_its_steps_and_again_runs_nothing_and_one_value_runs_what_depends_on_it()
    {
        using var folder = new CakeFolder();

        var first = folder.Cake(Recipe);
        var second = folder.Cake(Recipe);
        var changed = folder.Cake([.. Recipe, "--set", "package.launch_files=false"]);
        var forced = folder.Cake([.. Recipe, "--target", "convert", "--force"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.ExitCode, Is.Zero, first.Text);
            Assert.That(first.Text, Does.Match("convert +ran .*never built").And.Match("package +ran .*never built"));
            Assert.That(folder.At("artifacts", "internlm-tiny-fp16", "SHA256SUMS"), Does.Exist);
            Assert.That(second.Text, Does.Contain("convert: cached").And.Contain("package: cached"));
            Assert.That(changed.Text, Does.Contain("convert: cached").And.Match("package +ran .*package.launch_files"));
            Assert.That(forced.Text, Does.Match("convert +ran .*forced").And.Not.Contain("package:"));
        }
    }

    [Test]
    public void A_missing_workspace_is_put_back_from_the_store()
    {
        using var folder = new CakeFolder();
        Assert.That(folder.Cake(Recipe).ExitCode, Is.Zero);
        var sums = File.ReadAllText(folder.At("artifacts", "internlm-tiny-fp16", "SHA256SUMS"));
        Directory.Delete(folder.At("artifacts", "internlm-tiny-fp16"), recursive: true);

        var again = folder.Cake(Recipe);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(again.ExitCode, Is.Zero, again.Text);
            Assert.That(again.Text, Does.Contain("convert: cached"));
            Assert.That(File.ReadAllText(folder.At("artifacts", "internlm-tiny-fp16", "SHA256SUMS")), Is.EqualTo(sums));
        }
    }

    [Test]
    public void Several_cold_starts_at_once_all_succeed()
    {
        using var folder = new CakeFolder(withScripts: false);

        var runs = Enumerable.Range(0, 4).Select(_ => folder.Begin(Recipe)).ToList().ConvertAll(run => run.Finish());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(runs.Select(run => run.ExitCode), Is.All.Zero, string.Join("\n----\n", runs.Select(run => run.Text)));
            Assert.That(runs.Count(run => System.Text.RegularExpressions.Regex.IsMatch(run.Text, "convert +ran ")), Is.EqualTo(1));
            Assert.That(Directory.GetDirectories(folder.At("artifacts", "cake", "scripts"), "run-*"), Is.Empty);
        }
    }

    [Test]
    [Category("Slow")]
    public void Several_starts_at_once_in_a_clone_that_was_never_built_all_succeed()
    {
        using var folder = new CakeFolder(withCommand: false);

        var runs = Enumerable.Range(0, 3).Select(_ => folder.Begin(Recipe)).ToList().ConvertAll(run => run.Finish());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(runs.Select(run => run.ExitCode), Is.All.Zero, string.Join("\n----\n", runs.Select(run => run.Text)));
            Assert.That(runs.Count(run => run.Text.Contains("Built in", StringComparison.Ordinal)), Is.EqualTo(1));
        }
    }

    [Test]
    public void A_killed_run_leaves_no_step_running_and_the_next_one_completes()
    {
        using var folder = new CakeFolder();
        string[] recipe = ["--recipe", "internlm-tiny-w4kv8.yaml", "--set", "calibrate.samples=128"];
        var run = folder.Begin(recipe);
        var steps = WaitForSteps(run);

        run.Process.Kill();
        var ended = steps.All(step => step.WaitForExit(TimeSpan.FromMinutes(2)));
        var records = folder.At("artifacts", ".cache", "steps");
        var finished = Directory.Exists(records) && Directory.EnumerateFiles(records, "*", SearchOption.AllDirectories).Any();
        var next = folder.Cake("--recipe", "internlm-tiny-w4kv8.yaml", "--set", "calibrate.samples=2", "--set", "calibrate.sequence_length=64", "--set", "evaluate=null");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((ended, finished), Is.EqualTo((true, false)), "a step went on, or waited on, although the process that started it was killed");
            Assert.That(next.ExitCode, Is.Zero, next.Text);
            Assert.That(Directory.GetFileSystemEntries(folder.At("artifacts", ".cache", "tmp")), Is.Empty);
        }
    }

    [Test]
    public void A_limit_that_is_passed_over_stops_the_build_and_the_older_package_stays()
    {
        using var folder = new CakeFolder();
        string[] recipe =
        [
            "--recipe", "internlm-tiny-w4kv8.yaml", "--set", "calibrate.samples=2", "--set", "calibrate.sequence_length=64", "--set", "auto_awq.method=lmdeploy",
            "--set", "evaluate={ dataset: data/prose-eval.txt, window: 64, windows: 1 }",
        ];
        var older = folder.Cake(recipe);
        var before = PackageFiles();

        var stopped = folder.Cake([.. recipe, "--set", "kv_qparams.symmetric=true", "--set", "evaluate.max_kl=0.0001"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(older.ExitCode, Is.Zero, older.Text);
            Assert.That(before, Has.Count.GreaterThan(10));
            Assert.That(stopped.ExitCode, Is.Not.Zero);
            Assert.That(stopped.Text, Does.Contain("mean KL divergence of int4 + int8 KV is ").And.Contain("at most 0.0001 is allowed"));
            Assert.That(stopped.Text, Does.Match("int4 \\+ int8 KV +int4 +int8 +[0-9.]+"), "the table");
            Assert.That(stopped.Text, Does.Not.Match("package +ran"));
            Assert.That(PackageFiles(), Is.EqualTo(before));
        }

        List<string> PackageFiles() => [.. folder.Snapshot().Where(entry => entry.StartsWith(folder.At("artifacts", "internlm-tiny-w4kv8") + "/", StringComparison.Ordinal))];
    }

    /// <summary>The process of the calibrate step, once it computes, and the one that waits for its turn.</summary>
    private static List<Process> WaitForSteps(RunningCake run)
    {
        var until = Stopwatch.StartNew();
        while (until.Elapsed < TimeSpan.FromMinutes(4))
        {
            if (run.Text.Contains("Loading calibrate dataset", StringComparison.Ordinal)
                && Process.GetProcessesByName("layercake").Where(process => IsBelow(process.Id, run.Process.Id)).ToList() is { Count: 2 } steps)
            {
                return steps;
            }

            Thread.Sleep(20);
        }

        throw new AssertionException($"the steps did not start:\n{run.Text}");
    }

    private static bool IsBelow(int process, int ancestor)
    {
        try
        {
            for (var current = process; current > 1;)
            {
                if (current == ancestor)
                {
                    return true;
                }

                var text = File.ReadAllText($"/proc/{current}/stat");
                current = int.Parse(text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
            }
        }
        catch (IOException)
        {
            // It ended meanwhile.
        }

        return false;
    }
}
