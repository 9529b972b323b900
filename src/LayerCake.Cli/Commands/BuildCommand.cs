using System.CommandLine;
using System.CommandLine.Parsing;
using System.Runtime.ExceptionServices;
using LayerCake.Building;
using LayerCake.Cli.Console;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake build</c>: all steps of a recipe in this process, without Cake.</summary>
internal static class BuildCommand
{
    private const int MostJobs = 64;

    public static Command Create()
    {
        var arguments = new RecipeArguments();
        var jobs = new Option<int>("--jobs", "-j") { Description = "How many steps may run at once.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var keepGoing = new Option<bool>("--keep-going", "-k") { Description = "After a failure, still runs the steps that do not need the failed one." };
        var keepFailed = new Option<bool>("--keep-failed") { Description = "Keeps what a failed step had written, in failed/ below the artifacts." };
        var json = new Option<bool>("--json") { Description = "Prints the events of the build, one JSON object a line." };
        var check = new Option<bool>("--check") { Description = "Then builds all again in a store of its own and compares: exit code 9 and the first tensor that differs." };
        jobs.Validators.Add(CheckJobs);
        var command = new Command("build", "Builds a recipe: runs the steps whose results are not in the store, and puts the workspace in place.");
        arguments.AddTo(command);
        command.Options.Add(jobs);
        command.Options.Add(keepGoing);
        command.Options.Add(keepFailed);
        command.Options.Add(json);
        command.Options.Add(check);
        command.SetAction(async (result, token) =>
        {
            using var session = arguments.Open(result, readOnly: false);
            foreach (var build in session.Builds.Take(1))
            {
                build.WarmUp(session.Store);
            }

            var options = new SchedulerOptions
            {
                Runner = session.NewRunner,
                Jobs = result.GetValue(jobs),
                KeepGoing = result.GetValue(keepGoing),
                KeepFailedIn = result.GetValue(keepFailed) ? Path.Combine(ArtifactsOf(session), "failed") : null,
                MemoryBudget = session.Builds.Min(build => build.Recipe.Execution.MemoryBudget?.Bytes),
            };
            var outcome = await BuildConsole.ShowAsync(
                result.GetValue(json),
                console => RunAsync(session, console, options, result.GetValue(arguments.Force), result, token)).ConfigureAwait(false);
            ReportPages.WriteAfter(session, outcome, token);
            return (int)(result.GetValue(check) && outcome.Succeeded ? await DeterminismCheck.RunAsync(session, token).ConfigureAwait(false) : CodeOf(outcome));
        });
        return command;
    }

    private static async Task<BuildOutcome> RunAsync(
        RecipeSession session, IBuildEventSink console, SchedulerOptions options, bool force, ParseResult arguments, CancellationToken token)
    {
        var plans = session.Builds.Zip(session.Plan(token), (build, plan) => StepRun.Schedule(
            session, build, plan, _ => force, step => RepeatedCommand.Of(arguments, step, session.HasMatrix ? build.Recipe.Name : null))).ToList();
        using var log = StartLog(session, out var problem);
        var events = new BuildEventStream(session.Store.Time, StepRun.TextFor(session.Builds), log is null ? [console] : [console, log]);
        var outcome = await new BuildScheduler(session.Store, events, options).RunAsync(plans, token).ConfigureAwait(false);
        if (problem is not null && outcome.Succeeded)
        {
            System.Console.Error.WriteLine($"warning: {problem}");
        }

        return outcome;
    }

    private static string ArtifactsOf(RecipeSession session) => Path.GetDirectoryName(session.Builds[0].OutputFolder)!;

    /// <summary>A build whose log cannot be started goes on without. What keeps the log from being written mostly keeps the build too, and is told by that.</summary>
    private static BuildEventLog? StartLog(RecipeSession session, out string? problem)
    {
        problem = null;
        try
        {
            return BuildEventLog.Create(ReportPages.LogOf(session), StepRun.WarnOfLog);
        }
        catch (BuildException exception)
        {
            problem = exception.Message;
            return null;
        }
    }

    /// <summary>The code of the first failure; the renderer has printed them all. A fault of ours is thrown on, for its details.</summary>
    private static ExitCode CodeOf(BuildOutcome outcome)
    {
        if (outcome.Succeeded)
        {
            return ExitCode.Success;
        }

        if (outcome.Failures.FirstOrDefault(failure => UserErrors.Of(failure) is null) is { } fault)
        {
            ExceptionDispatchInfo.Throw(fault);
        }

        return UserErrors.Of(outcome.Failures[0])!.Value.Code;
    }

    private static void CheckJobs(OptionResult result)
    {
        if (result.Tokens is [{ Value: var text }] && !(int.TryParse(text, out var jobs) && jobs is >= 1 and <= MostJobs))
        {
            result.AddError($"--jobs is '{text}'; it must be a whole number from 1 to {MostJobs}");
        }
    }
}
