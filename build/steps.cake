// Runs the steps of a plan, one process a step, several at once where --jobs allows.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

public sealed record StepResult(string Outcome, string Reason, double Seconds, long Bytes);

/// <summary>
/// Cake runs tasks one after another. A task's action waits for its step's process; processes of steps whose turn has not come start ahead as soon as the
/// steps before them are done, and what they print is kept until their turn. Where only one runs at a time, the next one's process gets ready meanwhile and waits.
/// </summary>
public sealed class StepProcesses
{
    private readonly ICakeContext _context;
    private readonly BuildArguments _arguments;
    private readonly RecipePlan _plan;
    private readonly Dictionary<string, StepResult> _results = new();
    private readonly Dictionary<string, StepProcess> _running = new();
    private readonly List<PlannedStep> _order = new();
    private StepProcess _ahead;
    private Process _reportAhead;
    private string _log;

    public StepProcesses(ICakeContext context, BuildArguments arguments, RecipePlan plan)
    {
        _context = context;
        _arguments = arguments;
        _plan = plan;
    }

    /// <summary>The target: only what it needs starts ahead.</summary>
    public void Choose(string target)
    {
        foreach (var step in _plan.Steps.Where(step => Same(step.Name, target) || Same(step.TaskName, target)))
        {
            Append(step);
        }
    }

    /// <summary>As Cake visits tasks: those before a step first, in the order in which it names them.</summary>
    private void Append(PlannedStep step)
    {
        if (!_order.Contains(step))
        {
            foreach (var name in step.DependsOn)
            {
                Append(_plan.Steps.Single(other => other.TaskName == step.TaskOf(name)));
            }

            _order.Add(step);
        }
    }

    /// <summary>The action of a step's task. The cache decision is in here: a task that a criterion skips cannot be a target.</summary>
    public void Finish(PlannedStep step)
    {
        if (!_results.ContainsKey(step.TaskName))
        {
            if (!_running.ContainsKey(step.TaskName))
            {
                Start(step, alone: _arguments.Jobs == 1);
            }

            StartReady();
            while (_running.TryGetValue(step.TaskName, out var process))
            {
                process.Show();
                foreach (var ended in _running.Where(entry => entry.Value.HasEnded).ToList())
                {
                    _running.Remove(ended.Key);
                    _results[ended.Key] = ended.Value.Result();
                    StartReady();
                }

                System.Threading.Thread.Sleep(_running.ContainsKey(step.TaskName) ? 10 : 0);
                if (!_running.ContainsKey(step.TaskName))
                {
                    process.ShowAll();
                    Refuse(step, process);
                }
            }
        }
    }

    /// <summary>The table at the end. Written as it is: Cake's log would colour every value.</summary>
    public void Conclude()
    {
        var done = _plan.Steps.Where(step => _results.ContainsKey(step.TaskName)).ToList();
        var width = Math.Max(11, done.Select(step => step.TaskName.Length).DefaultIfEmpty(0).Max());
        Console.WriteLine();
        Console.WriteLine($"  {"step".PadRight(width)} outcome                  time         size  why");
        foreach (var step in done)
        {
            var result = _results[step.TaskName];
            var time = result.Outcome is "ran" or "from remote cache" ? Invariant($"{result.Seconds:0.00} s") : "";
            var size = result.Outcome is "failed" or "skipped" ? "" : Invariant($"{result.Bytes / 1e6:0.00} MB");
            Console.WriteLine($"  {step.TaskName.PadRight(width)} {result.Outcome,-17} {time,11} {size,12}  {result.Reason}");
        }

        Console.WriteLine();
        foreach (var (recipe, output) in _plan.Outputs)
        {
            var last = _plan.Steps.Last(step => step.Variant is null || step.Variant == recipe);
            if (_results.TryGetValue(last.TaskName, out var result) && result.Outcome is not ("failed" or "skipped"))
            {
                Console.WriteLine($"{recipe} -> {output}");
            }
        }

        Report();
        var failed = done.Where(step => _results[step.TaskName].Outcome == "failed").Select(step => step.TaskName).ToList();
        if (failed.Count > 0)
        {
            throw new CakeException($"Failed: {string.Join(", ", failed)}.");
        }
    }

    /// <summary>The page of each variant, unless nothing ran and it is there. A build does not fail for it.</summary>
    private void Report()
    {
        var root = LayerCakeCommand.Root(_context);
        if (_log is not null || _plan.Outputs.Any(output => !System.IO.File.Exists(System.IO.Path.Combine(root, $"{output.Output}.report.html"))))
        {
            using var process = _reportAhead ?? StartReport(waits: false);
            if (_reportAhead is not null)
            {
                StepProcess.Go(process);
            }

            process.WaitForExit();
        }
    }

    private Process StartReport(bool waits)
    {
        var command = LayerCakeCommand.Arguments("report", _arguments).Where(argument => argument != "--force").ToList();
        return Process.Start(LayerCakeCommand.StartInfo(_context, waits ? command.Append("--wait") : command, redirect: false, waits));
    }

    /// <summary>The log that the steps of this run write to; an older run's goes.</summary>
    private string Log()
    {
        if (_log is null)
        {
            var artifacts = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(_plan.Outputs[0].Output, LayerCakeCommand.Root(_context)));
            _log = System.IO.Path.Combine(artifacts, "logs", $"{System.IO.Path.GetFileNameWithoutExtension(_arguments.Recipe)}{(_arguments.Stub ? "-stub" : "")}.jsonl");
            System.IO.Directory.CreateDirectory(System.IO.Path.GetDirectoryName(_log));
            System.IO.File.Delete(_log);
        }

        return _log;
    }

    private void StartReady()
    {
        foreach (var step in _plan.Steps)
        {
            if (_running.Count < _arguments.Jobs && _arguments.Jobs > 1 && _order.Contains(step)
                && !_running.ContainsKey(step.TaskName) && !_results.ContainsKey(step.TaskName)
                && step.DependsOn.All(name => IsGood(step.TaskOf(name)))
                // The same key in another variant: the second finds what the first makes.
                && !_running.Values.Any(other => other.Step.Key == step.Key))
            {
                Start(step, alone: false);
            }
        }
    }

    private void Start(PlannedStep step, bool alone)
    {
        var broken = step.DependsOn.Where(name => _results.TryGetValue(step.TaskOf(name), out var before) && !IsGood(step.TaskOf(name))).ToList();
        if (broken.Count > 0)
        {
            _results[step.TaskName] = new StepResult("skipped", $"{broken[0]} failed", 0, 0);
            Console.WriteLine($"{step.TaskName}: skipped, {broken[0]} failed");
        }
        else if (step.IsCached && step.DependsOn.All(name => _results[step.TaskOf(name)].Outcome == "cached"))
        {
            // A step may have been planned as cached while one before it runs again by force: only an untouched chain is skipped.
            _results[step.TaskName] = new StepResult("cached", step.Reason, 0, step.Bytes);
            Console.WriteLine($"{step.TaskName}: cached {step.Key[..12]}");
        }
        else
        {
            if (_ahead?.Step == step)
            {
                _running[step.TaskName] = _ahead;
                _ahead.Go();
                _ahead = null;
            }
            else
            {
                _running[step.TaskName] = new StepProcess(_context, _arguments, step, Log(), alone, waits: false);
            }

            if (alone && _ahead is null)
            {
                GetReady();
            }
        }
    }

    /// <summary>Starts the process that is needed after those at work. It takes in the recipe, and waits; it ends by itself should its turn never come.</summary>
    private void GetReady()
    {
        var next = _order.Find(step => !step.IsCached && !_results.ContainsKey(step.TaskName) && !_running.ContainsKey(step.TaskName));
        if (next is not null)
        {
            _ahead = new StepProcess(_context, _arguments, next, Log(), alone: true, waits: true);
        }
        else
        {
            _reportAhead ??= StartReport(waits: true);
        }
    }

    private bool IsGood(string task) => _results.TryGetValue(task, out var result) && result.Outcome is not ("failed" or "skipped");

    private void Refuse(PlannedStep step, StepProcess process)
    {
        if (_results[step.TaskName].Outcome == "failed")
        {
            var message = $"{step.TaskName} failed ({_results[step.TaskName].Reason}); the reason is above. Again, alone: {process.Repeat}";
            if (!_arguments.KeepGoing)
            {
                Report();
                throw new CakeException(message);
            }

            _context.Error(message.Replace("{", "{{").Replace("}", "}}"));
        }
    }

    private static bool Same(string left, string right) => string.Equals(left, right, StringComparison.OrdinalIgnoreCase);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}

/// <summary>One step's process and what it printed.</summary>
public sealed class StepProcess
{
    private readonly Process _process;
    private readonly string _resultFile;
    private readonly ConcurrentQueue<(bool IsError, string Line)> _lines = new();
    private readonly bool _alone;

    /// <param name="alone">Nothing runs beside it: it has the console.</param>
    /// <param name="waits">It gets ready, and does nothing until <see cref="Go()"/>.</param>
    public StepProcess(ICakeContext context, BuildArguments arguments, PlannedStep step, string log, bool alone, bool waits)
    {
        Step = step;
        _alone = alone;
        _resultFile = System.IO.Path.Combine(
            LayerCakeCommand.Root(context), "artifacts", "cake", $"result-{Environment.ProcessId}-{step.TaskName.Replace('/', '-')}.json");
        var command = LayerCakeCommand.Arguments("step", arguments);
        command.Insert(1, step.Name);
        if (step.Variant is not null && !command.Contains("--variant"))
        {
            command.Add("--variant");
            command.Add(step.Variant);
        }

        Repeat = $"layercake {string.Join(' ', command)}";

        // A step must not go on alone when this process is killed: Cake runs no teardown on a signal.
        command.AddRange(new[] { "--result", _resultFile, "--events", log, "--exit-with-parent" });
        if (waits)
        {
            command.Add("--wait");
        }

        _process = Process.Start(LayerCakeCommand.StartInfo(context, command, redirect: !alone, waits));
        if (!alone)
        {
            _process.OutputDataReceived += (_, output) => Keep(false, output.Data);
            _process.ErrorDataReceived += (_, output) => Keep(true, output.Data);
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
        }
    }

    public PlannedStep Step { get; }

    /// <summary>The command that runs this step again, alone.</summary>
    public string Repeat { get; }

    // With nothing beside it, it is waited for: a look every hundredth of a second would only cost time.
    public bool HasEnded => _process.WaitForExit(_alone ? System.Threading.Timeout.Infinite : 0);

    public void Go() => Go(_process);

    /// <summary>Tells a process that waits that it is its turn.</summary>
    public static void Go(Process process)
    {
        try
        {
            process.StandardInput.WriteLine();
            process.StandardInput.Close();
        }
        catch (System.IO.IOException)
        {
            // It has ended already; what it says of that comes as that of any process does.
        }
    }

    public void Show()
    {
        while (_lines.TryDequeue(out var line))
        {
            (line.IsError ? Console.Error : Console.Out).WriteLine(line.Line);
        }
    }

    public void ShowAll()
    {
        // Waits until the last line is read, too.
        _process.WaitForExit();
        Show();
    }

    public StepResult Result()
    {
        try
        {
            if (_process.ExitCode != 0)
            {
                return new StepResult("failed", $"exit code {_process.ExitCode}", 0, 0);
            }

            using var document = JsonDocument.Parse(System.IO.File.ReadAllText(_resultFile));
            var root = document.RootElement;
            return new StepResult(
                root.GetProperty("outcome").GetString(),
                root.GetProperty("reason").GetString(),
                root.GetProperty("seconds").GetDouble(),
                root.GetProperty("bytes").GetInt64());
        }
        finally
        {
            System.IO.File.Delete(_resultFile);
        }
    }

    private void Keep(bool isError, string line)
    {
        if (line is not null)
        {
            _lines.Enqueue((isError, line));
        }
    }
}
