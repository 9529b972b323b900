// Asks the command for the plan and runs its steps, one process a step.
using System.Diagnostics;
using System.Text.Json;

public sealed record PlannedStep(string Name, string Key, bool IsCached, string Reason, long Bytes, IReadOnlyList<string> DependsOn);

public sealed record StepResult(string Outcome, string Reason, double Seconds, long Bytes);

public sealed class RecipePlan
{
    public string Recipe { get; init; }

    public string Output { get; init; }

    public IReadOnlyList<PlannedStep> Steps { get; init; }

    public Dictionary<string, StepResult> Results { get; } = new();
}

/// <summary>layercake plan, running.</summary>
public sealed class PlanQuestion
{
    private readonly Process _process;
    private readonly System.Threading.Tasks.Task<string> _output;
    private readonly System.Threading.Tasks.Task<string> _errors;

    private PlanQuestion(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Asks for the plan; null where there is no command yet.</summary>
    public static PlanQuestion Ask(ICakeContext context, BuildArguments arguments)
    {
        if (!System.IO.File.Exists(LayerCakeCommand.Executable(context)))
        {
            return null;
        }

        var command = BuildSteps.Common("plan", arguments);
        command.Add("--json");
        if (arguments.Force)
        {
            command.Add("--force");
        }

        return new PlanQuestion(Process.Start(BuildSteps.StartInfo(context, command, redirect: true)));
    }

    public RecipePlan Answer()
    {
        _process.WaitForExit();
        Console.Error.Write(_errors.Result);
        if (_process.ExitCode != 0)
        {
            throw new CakeException($"The recipe cannot be built (exit code {_process.ExitCode}); the reason is above.");
        }

        using var document = JsonDocument.Parse(_output.Result);
        var root = document.RootElement;
        return new RecipePlan
        {
            Recipe = root.GetProperty("recipe").GetString(),
            Output = root.GetProperty("output").GetString(),
            Steps = root.GetProperty("steps").EnumerateArray().Select(step => new PlannedStep(
                step.GetProperty("name").GetString(),
                step.GetProperty("key").GetString(),
                step.GetProperty("outcome").GetString() == "cached",
                step.GetProperty("reason").GetString(),
                step.TryGetProperty("bytes", out var bytes) ? bytes.GetInt64() : 0,
                step.GetProperty("dependsOn").EnumerateArray().Select(name => name.GetString()).ToList())).ToList(),
        };
    }
}

public static class BuildSteps
{
    /// <summary>The action of a step's task. The cache decision is in here: a task that a criterion skips cannot be a target.</summary>
    public static void Run(ICakeContext context, BuildArguments arguments, RecipePlan plan, PlannedStep step)
    {
        // A step may have been planned as cached while one before it runs again by force: only an untouched chain is skipped.
        if (step.IsCached && step.DependsOn.All(name => plan.Results[name].Outcome == "cached"))
        {
            plan.Results[step.Name] = new StepResult("cached", step.Reason, 0, step.Bytes);
            Console.WriteLine($"{step.Name}: cached {step.Key[..12]}");
            return;
        }

        var resultFile = System.IO.Path.Combine(
            LayerCakeCommand.Root(context), "artifacts", "cake", $"result-{Environment.ProcessId}-{step.Name}.json");
        var command = Common("step", arguments);
        command.Insert(1, step.Name);
        command.Add("--result");
        command.Add(resultFile);

        // A step must not go on alone when this process is killed: Cake runs no teardown on a signal.
        command.Add("--exit-with-parent");
        if (arguments.Force)
        {
            command.Add("--force");
        }

        try
        {
            using var process = Process.Start(StartInfo(context, command, redirect: false));
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                plan.Results[step.Name] = new StepResult("failed", $"exit code {process.ExitCode}", 0, 0);
                throw new CakeException(
                    $"{step.Name} failed (exit code {process.ExitCode}); the reason is above. Again, alone: layercake {string.Join(' ', command.TakeWhile(argument => argument != "--result"))}");
            }

            using var document = JsonDocument.Parse(System.IO.File.ReadAllText(resultFile));
            var root = document.RootElement;
            plan.Results[step.Name] = new StepResult(
                root.GetProperty("outcome").GetString(),
                root.GetProperty("reason").GetString(),
                root.GetProperty("seconds").GetDouble(),
                root.GetProperty("bytes").GetInt64());
        }
        finally
        {
            System.IO.File.Delete(resultFile);
        }
    }

    /// <summary>The table at the end. Written as it is: Cake's log would colour every value.</summary>
    public static void Summarize(RecipePlan plan)
    {
        Console.WriteLine();
        Console.WriteLine("  step        outcome       time         size  why");
        foreach (var step in plan.Steps.Where(step => plan.Results.ContainsKey(step.Name)))
        {
            var result = plan.Results[step.Name];
            var time = result.Outcome == "cached" ? "" : Invariant($"{result.Seconds:0.00} s");
            var size = Invariant($"{result.Bytes / 1e6:0.00} MB");
            Console.WriteLine($"  {step.Name,-11} {result.Outcome,-8} {time,9} {size,12}  {result.Reason}");
        }

        if (plan.Results.ContainsKey(plan.Steps[^1].Name))
        {
            Console.WriteLine();
            Console.WriteLine($"{plan.Recipe} -> {plan.Output}");
        }
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    public static List<string> Common(string verb, BuildArguments arguments)
    {
        var command = new List<string> { verb, "--recipe", arguments.Recipe };
        foreach (var entry in arguments.Overrides)
        {
            command.Add("--set");
            command.Add(entry);
        }

        return command;
    }

    public static ProcessStartInfo StartInfo(ICakeContext context, IEnumerable<string> command, bool redirect)
    {
        var info = new ProcessStartInfo(LayerCakeCommand.Executable(context))
        {
            WorkingDirectory = LayerCakeCommand.Root(context),
            UseShellExecute = false,
            RedirectStandardOutput = redirect,
            RedirectStandardError = redirect,
        };
        foreach (var argument in command)
        {
            info.ArgumentList.Add(argument);
        }

        return info;
    }
}
