using LayerCake.Building;
using Spectre.Console;

namespace LayerCake.Cli.Console;

/// <summary>Where a build is shown: live on a terminal, as plain lines elsewhere, as JSON lines on request.</summary>
internal static class BuildConsole
{
    /// <summary>Runs something whose events are shown.</summary>
    /// <param name="json">Whether events are printed as they are.</param>
    /// <param name="work">Is given what shows.</param>
    public static async Task<T> ShowAsync<T>(bool json, Func<IBuildEventSink, Task<T>> work)
    {
        if (json)
        {
            using var output = System.Console.OpenStandardOutput();
            return await work(new JsonLines(output)).ConfigureAwait(false);
        }

        if (!ConsoleReporter.IsLive)
        {
            return await work(Plain()).ConfigureAwait(false);
        }

        return await AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(context => work(new LiveBuildRenderer(context)))
            .ConfigureAwait(false);
    }

    public static BuildRenderer Plain() => new(System.Console.Out.WriteLine, System.Console.Error.WriteLine);

    private sealed class JsonLines(Stream output) : IBuildEventSink
    {
        public void Take(BuildEvent @event)
        {
            output.Write(BuildEventJson.Write(@event));
            output.Flush();
        }
    }
}
