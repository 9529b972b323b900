using System.CommandLine;
using System.Globalization;
using LayerCake.Building;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary><c>layercake plan</c>: which steps would run, and why. Reads no weights and writes nothing.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var arguments = new RecipeArguments();
        var json = new Option<bool>("--json") { Description = "Prints the plan as JSON." };
        var explain = new Option<bool>("--explain") { Description = "Shows every field that differs from the step's last build, old and new value." };
        var question = new Option<bool>("--question") { Description = "Exit code 3 when anything would run, 0 when nothing would." };
        var command = new Command("plan", "Shows each step of a recipe, its key, whether its result is there, and why not. Runs nothing.");
        arguments.AddTo(command);
        command.Options.Add(json);
        command.Options.Add(explain);
        command.Options.Add(question);
        command.SetAction((result, cancellationToken) =>
        {
            var (build, store) = arguments.Open(result, readOnly: true);
            using (store)
            {
                var plan = BuildPlan.Create(build.Recipe.Name, build.Steps, store, cancellationToken);
                var view = PlanView.Of(build, plan, store, result.GetValue(arguments.Force), cancellationToken);
                if (result.GetValue(json))
                {
                    using var output = System.Console.OpenStandardOutput();
                    view.WriteJson(output);
                }
                else if (result.GetValue(explain))
                {
                    PlanExplanation.Print(view, System.Console.Out);
                }
                else
                {
                    Print(view, System.Console.Out);
                }

                return Task.FromResult((int)(result.GetValue(question) && view.Steps.Any(step => !step.IsCached) ? ExitCode.WouldRun : ExitCode.Success));
            }
        });
        return command;
    }

    private static void Print(PlanView view, TextWriter output)
    {
        output.WriteLine($"{view.Recipe} -> {view.Output}");
        output.WriteLine();
        output.WriteLine("  step        key           outcome  size         reason");
        foreach (var step in view.Steps)
        {
            var size = step.Bytes is { } bytes ? (bytes / 1e6).ToString("0.00 MB", CultureInfo.InvariantCulture) : "";
            output.WriteLine($"  {step.Planned.Name,-11} {step.Planned.Key.Short}  {step.Word,-7}  {size,-11}  {step.Reason}");
        }

        var running = view.Steps.Count(step => !step.IsCached);
        output.WriteLine();
        output.WriteLine(running == 0 ? "Nothing to do." : $"{running} of {view.Steps.Count} steps would run.");
    }
}
