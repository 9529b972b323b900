using System.Globalization;
using LayerCake.Building;
using Spectre.Console;

namespace LayerCake.Cli.Console;

/// <summary>The plain lines, and below them a bar with rate and remaining time for every step at work.</summary>
internal sealed class LiveBuildRenderer(ProgressContext context)
    : BuildRenderer(text => AnsiConsole.Write(new Spectre.Console.Text(text + "\n")), System.Console.Error.WriteLine)
{
    private readonly Dictionary<string, (ProgressTask Bar, TimeSpan Started)> _bars = new(StringComparer.Ordinal);

    public override void Take(BuildEvent @event)
    {
        switch (@event)
        {
            case StepStarted { Attempt: 1 } started:
                _bars[NameOf(started)] = (context.AddTask(Markup.Escape(NameOf(started)), autoStart: true, maxValue: 1), started.At);
                break;
            case StepProgress progress when _bars.TryGetValue(NameOf(progress), out var shown):
                Advance(shown.Bar, progress, progress.At - shown.Started);
                break;
            case StepFinished or StepFailed or StepSkipped when _bars.Remove(NameOf((StepEvent)@event), out var ended):
                ended.Bar.StopTask();
                context.RemoveTask(ended.Bar);
                break;
        }

        base.Take(@event);
    }

    private void Advance(ProgressTask bar, StepProgress progress, TimeSpan spent)
    {
        var rate = progress.Done / Math.Max(spent.TotalSeconds, 0.001);
        bar.MaxValue = Math.Max(1, progress.Total);
        bar.Value = Math.Max(bar.Value, progress.Done);
        bar.Description = string.Create(
            CultureInfo.InvariantCulture, $"{Markup.Escape(NameOf(progress))}: {progress.Done}/{progress.Total} {Markup.Escape(progress.What)}, {rate:0.0}/s");
    }
}
