using System.Diagnostics;
using System.Globalization;
using LayerCake.Building;
using Spectre.Console;

namespace LayerCake.Cli.Console;

/// <summary>
/// Shows a running step: a live bar with rate and remaining time on a terminal; plain lines where there is none, with <c>NO_COLOR</c> or on CI.
/// The lines of the step itself are printed either way.
/// </summary>
internal sealed class ConsoleReporter : IBuildReporter
{
    private readonly Lock _gate = new();
    private readonly ProgressTask? _bar;
    private readonly long _started = Stopwatch.GetTimestamp();

    private ConsoleReporter(ProgressTask? bar) => _bar = bar;

    internal static bool IsLive => !System.Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI"));

    /// <summary>Runs something that reports.</summary>
    public static async Task<T> RunAsync<T>(string name, Func<IBuildReporter, Task<T>> work)
    {
        if (!IsLive)
        {
            return await work(new ConsoleReporter(null)).ConfigureAwait(false);
        }

        return await AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(context => work(new ConsoleReporter(context.AddTask(name, autoStart: true, maxValue: 1))))
            .ConfigureAwait(false);
    }

    public void Line(string text)
    {
        lock (_gate)
        {
            if (_bar is null)
            {
                System.Console.Out.WriteLine(text);
            }
            else
            {
                AnsiConsole.Write(new Spectre.Console.Text(text + "\n"));
            }
        }
    }

    public void Warn(string text)
    {
        lock (_gate)
        {
            System.Console.Error.WriteLine($"warning: {text}");
        }
    }

    public void Progress(string what, long done, long total)
    {
        if (_bar is null)
        {
            return;
        }

        var rate = done / Stopwatch.GetElapsedTime(_started).TotalSeconds;
        _bar.MaxValue = total;
        _bar.Value = Math.Max(_bar.Value, done);
        _bar.Description = string.Create(CultureInfo.InvariantCulture, $"{done}/{total} {Markup.Escape(what)}, {rate:0.0}/s");
    }

    public void Waiting(string what, LockOwner? owner) =>
        Line(owner is null ? $"{what}: another process is making this; waiting for it..." : $"{what}: {owner} is making this; waiting for it...");
}
