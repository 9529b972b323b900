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
        var question = new Option<bool>("--question") { Description = "Exit code 3 when anything would run or be fetched, 0 when there is nothing to do." };
        var command = new Command("plan", "Shows each step of a recipe, its key, whether its result is there, and why not. Runs nothing.");
        arguments.AddTo(command);
        command.Options.Add(json);
        command.Options.Add(explain);
        command.Options.Add(question);
        command.SetAction((result, cancellationToken) =>
        {
            using var session = arguments.Open(result, readOnly: true);
            var force = result.GetValue(arguments.Force);
            var views = session.Builds
                .Zip(session.Plan(cancellationToken), (build, plan) => PlanView.Of(build, plan, session.Store, force, cancellationToken))
                .ToList();
            if (result.GetValue(json))
            {
                using var output = System.Console.OpenStandardOutput();
                PlanJson.Write(output, session, views);
            }
            else
            {
                Print(session, views, result.GetValue(explain), System.Console.Out);
            }

            var wouldRun = views.Any(view => view.Steps.Any(step => !step.IsCached));
            return Task.FromResult((int)(result.GetValue(question) && wouldRun ? ExitCode.WouldRun : ExitCode.Success));
        });
        return command;
    }

    private static void Print(RecipeSession session, List<PlanView> views, bool explain, TextWriter output)
    {
        if (views.Count > 1)
        {
            VariantTable.Print(session.Name, views, output);
        }

        foreach (var view in views)
        {
            if (explain)
            {
                PlanExplanation.Print(view, output);
            }
            else if (views.Count == 1)
            {
                Print(view, output);
            }
        }
    }

    private static void Print(PlanView view, TextWriter output)
    {
        output.WriteLine($"{view.Recipe} -> {view.Output}");
        output.WriteLine();
        output.WriteLine("  step        key           outcome  size         time       reason");
        foreach (var step in view.Steps)
        {
            var size = step.Bytes is { } bytes ? (bytes / 1e6).ToString("0.00 MB", CultureInfo.InvariantCulture) : "";
            var time = step.Planned.RunTime is { } took ? Seconds(took) : "";
            output.WriteLine($"  {step.Planned.Name,-11} {step.Planned.Key.Short}  {step.Word,-7}  {size,-11}  {time,-9}  {step.Reason}");
        }

        output.WriteLine();
        output.WriteLine(Conclusion(view));
    }

    private static string Conclusion(PlanView view)
    {
        var (fetched, running) = (view.Steps.Count(step => step.IsFetched), view.Steps.Count(step => step.Runs));
        var before = view.Steps.Where(step => step.Runs).Sum(step => step.Planned.RunTime?.TotalSeconds);
        var known = view.Steps.All(step => !step.Runs || step.Planned.RunTime is not null);
        var run = $"{running} of {view.Steps.Count} steps would run{(known && running > 0 ? $" ({Seconds(TimeSpan.FromSeconds(before!.Value))} when they ran last)" : "")}";
        var fetch = $"{fetched} would be fetched ({(view.Steps.Where(step => step.IsFetched).Sum(step => step.Planned.BytesToFetch) / 1e6).ToString("0.00 MB", CultureInfo.InvariantCulture)})";
        return (running, fetched) switch
        {
            (0, 0) => "Nothing to do.",
            (_, 0) => $"{run}.",
            _ => $"{run}; {fetch}.",
        };
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.00 s", CultureInfo.InvariantCulture);
}
