using System.CommandLine;

namespace LayerCake.Cli.Commands;

/// <summary>
/// <c>--wait</c>: a process that a build starts ahead of its turn. What every command does first, a third of a second of it, is done while the step before still runs;
/// then a line on standard input says that it is time.
/// </summary>
internal sealed class StartSignal
{
    private readonly Option<bool> _wait = new("--wait") { Description = "Gets ready, then waits for a line on standard input; without one it ends and does nothing." };

    public void AddTo(Command command) => command.Options.Add(_wait);

    /// <summary>Whether to go on: where it was not asked to wait, or once a line has come.</summary>
    public bool Await(ParseResult result) => !result.GetValue(_wait) || System.Console.In.ReadLine() is not null;
}
