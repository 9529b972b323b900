using System.CommandLine;
using LayerCake.Building;
using LayerCake.Cli;
using LayerCake.Cli.Chat;
using LayerCake.Cli.Commands;
using LayerCake.Cli.Lite;

var root = new RootCommand("LayerCake builds quantized language models: a recipe in, a deployable workspace out.")
{
    PlanCommand.Create(),
    BuildCommand.Create(),
    StepCommand.Create(),
    ReplayCommand.Create(),
    LockCommand.Create(),
    InspectCommand.Create(),
    VerifyCommand.Create(),
    SignCommand.Create(),
    TokenizeCommand.Create(),
    SynthCommand.Create(),
    DiffCommand.Create(),
    CacheCommand.Create(),
    ReportCommand.Create(),
    EvaluateCommand.Create(),
    new Command("lite", "LMDeploy's quantization commands, with its names and flags.")
    {
        new CalibrateCommand().Build(),
        new KvQparamsCommand().Build(),
        new AutoAwqCommand().Build(),
    },
    new ConvertCommand().Build(),
    new Command("chat", "LMDeploy's chat command, with its names and flags.")
    {
        new ChatTurboMindCommand().Build(),
    },
};

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var message in UsageErrors.Of(parsed))
    {
        Console.Error.WriteLine($"layercake: {message}");
    }

    Console.Error.WriteLine($"'layercake{CommandPath(parsed.CommandResult.Command)} --help' shows what can be written.");
    return (int)ExitCode.Usage;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        // A conversation has its own use for Ctrl+C.
        ProcessTerminationTimeout = CommandPath(parsed.CommandResult.Command).StartsWith(" chat ", StringComparison.Ordinal) ? null : TimeSpan.FromSeconds(10),
    });
}
catch (StepFailedException exception) when (UserErrors.Of(exception.Failure) is { } error)
{
    // Its message was printed when it failed.
    return (int)error.Code;
}
catch (Exception exception) when (UserErrors.Of(exception) is { } error)
{
    Console.Error.WriteLine(error.Code == ExitCode.Recipe ? error.Message : $"layercake: {error.Message}");
    return (int)error.Code;
}
catch (Exception exception)
{
    Console.Error.WriteLine($"layercake: a fault of LayerCake itself; please report it with what follows.\n{exception}");
    return (int)ExitCode.Fault;
}

static string CommandPath(Command command) => command is RootCommand
    ? ""
    : CommandPath(command.Parents.OfType<Command>().First()) + " " + command.Name;
