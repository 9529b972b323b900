using System.CommandLine;
using LayerCake.Building;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake step NAME</c>: one step as a process of its own, as the Cake tasks run it.</summary>
internal static class StepCommand
{
    /// <summary>How long a step may take to stop once the process that started it is gone.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var arguments = new RecipeArguments();
        var name = new Argument<string>("name") { HelpName = "STEP", Description = "calibrate, kv_qparams, auto_awq, convert, evaluate, package or archive." };
        var resultFile = new Option<string?>("--result") { Description = "Writes how the step ended to this file, as JSON.", HelpName = "FILE" };
        var place = new Option<string?>("--place") { Description = "Also puts the step's output into this folder.", HelpName = "FOLDER" };
        var orphan = new Option<bool>("--exit-with-parent") { Description = "Stops when the process that started this one is gone." };
        var events = new Option<string?>("--events") { Description = "Adds what happens to this file, one JSON object a line.", HelpName = "FILE" };
        var signal = new StartSignal();
        var command = new Command("step", "Runs one step of a recipe, if its result is not in the store; the steps before it must have theirs.") { name };
        arguments.AddTo(command);
        command.Options.Add(resultFile);
        command.Options.Add(place);
        command.Options.Add(orphan);
        command.Options.Add(events);
        signal.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using var watch = result.GetValue(orphan) ? ParentWatch.Start(stop.Cancel, Grace, generations: 2) : null;
            using var session = arguments.Open(result, readOnly: false, single: true);
            if (!signal.Await(result))
            {
                return (int)ExitCode.Interrupted;
            }

            var plan = session.Plan(stop.Token)[0];
            var step = Known(plan, result.GetValue(name)!);
            var ended = await StepRun.RunAsync(
                session, session.Builds[0], plan, step, result.GetValue(arguments.Force), result.GetValue(events), stop.Token).ConfigureAwait(false);
            if (result.GetValue(place) is { } folder)
            {
                await StepRun.PlaceAsync(session.Store, ended.Tree, folder, SilentReporter.Instance, stop.Token).ConfigureAwait(false);
            }

            if (result.GetValue(resultFile) is { } file)
            {
                StepRun.WriteResult(file, ended);
            }

            return (int)ExitCode.Success;
        });
        return command;
    }

    private static string Known(BuildPlan plan, string name)
    {
        var spelled = name.Replace('-', '_');
        var near = Recipes.NearName.Of(spelled, plan.Steps.Select(step => step.Name));
        return plan.Steps.Any(step => step.Name == spelled)
            ? spelled
            : throw new UsageException(
                $"The recipe {plan.RecipeName} has no step '{name}'{(near is null ? "" : $"; did you mean '{near}'?")} Its steps: {string.Join(", ", plan.Steps.Select(step => step.Name))}.");
    }
}
