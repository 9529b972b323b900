using System.Globalization;
using LayerCake.Building;

namespace LayerCake.Cli.Console;

/// <summary>
/// Events as plain lines. What it prints depends on the events and their order alone, so that the replay of a log prints what the build printed. Of steps that run
/// at once, one has the console; what the others print comes in one piece when it is their turn.
/// </summary>
/// <param name="line">Prints a line to standard output.</param>
/// <param name="error">Prints a line to standard error.</param>
internal class BuildRenderer(Action<string> line, Action<string> error) : IBuildEventSink
{
    private readonly List<Turn> _turns = [];
    private bool _several;
    private bool _table;

    public virtual void Take(BuildEvent @event)
    {
        switch (@event)
        {
            case BuildStarted started:
                _several = started.Recipes.Count > 1;
                _table = true;
                break;
            case StepStarted { Attempt: 1 } started:
                _turns.Add(new Turn(NameOf(started)));
                break;
            case StepLine text:
                Print(text, text.Text);
                break;
            case StepWarning warning:
                error($"warning: {warning.Text}");
                break;
            case StepWaiting waiting:
                Print(waiting, $"{waiting.What}: {waiting.Owner ?? "another process"} is making this; waiting for it...");
                break;
            case StepRetried retried:
                error($"warning: {NameOf(retried)}: attempt {retried.Attempt} of {retried.Attempts} failed, trying again: {retried.Message}");
                break;
            case StepFinished finished:
                Print(finished, Describe(finished));
                EndTurn(finished);
                break;
            case StepFailed failed:
                Fail(failed);
                EndTurn(failed);
                break;
            case StepSkipped skipped:
                Print(skipped, $"{NameOf(skipped)}: skipped, {skipped.Reason}");
                EndTurn(skipped);
                break;
            case BuildFinished finished when _table:
                BuildTable.Write(finished, _several, line);
                break;
        }
    }

    protected string NameOf(StepEvent @event) => _several ? $"{@event.Recipe}/{@event.Step}" : @event.Step;

    private string Describe(StepFinished finished)
    {
        var (name, key) = (NameOf(finished), finished.Key.Short);
        return finished.Outcome == OutcomeWords.Cached
            ? $"{name}: cached {key}"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: {finished.Outcome} in {finished.Elapsed.TotalSeconds:0.00} s, {finished.Bytes / 1e6:0.00} MB, {key} ({finished.Reason})");
    }

    private void Fail(StepFailed failed)
    {
        error($"layercake: {failed.FullMessage ?? failed.Message}");
        Print(failed, string.Create(CultureInfo.InvariantCulture, $"{NameOf(failed)}: failed in {failed.Elapsed.TotalSeconds:0.00} s{(failed.Attempts > 1 ? $", attempt {failed.Attempts}" : "")}"));
        if (failed.LastLines.Count > 0)
        {
            Print(failed, "  last lines:");
            foreach (var text in failed.LastLines)
            {
                Print(failed, $"    {text}");
            }
        }

        if (failed.Kept is { } kept)
        {
            Print(failed, $"  kept: {kept}");
        }

        if (failed.Again is { } again)
        {
            Print(failed, $"  again, alone: {again}");
        }
    }

    private void Print(StepEvent @event, string text)
    {
        var name = NameOf(@event);
        var turn = _turns.FindIndex(turn => turn.Name == name);
        if (turn <= 0)
        {
            line(text);
        }
        else
        {
            _turns[turn].Held.Add(text);
        }
    }

    private void EndTurn(StepEvent @event)
    {
        var name = NameOf(@event);
        if (_turns.Find(turn => turn.Name == name) is { } ended)
        {
            ended.HasEnded = true;
        }

        while (_turns.Count > 0 && _turns[0].HasEnded)
        {
            _turns.RemoveAt(0);
            if (_turns.Count > 0)
            {
                _turns[0].Held.ForEach(line);
                _turns[0].Held.Clear();
            }
        }
    }

    private sealed class Turn(string name)
    {
        public string Name { get; } = name;

        public List<string> Held { get; } = [];

        public bool HasEnded { get; set; }
    }
}
