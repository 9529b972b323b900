using System.Globalization;

namespace LayerCake.Building;

/// <summary>Runs one step for the scheduler: within its time, again where a failure may pass, and says how it ended.</summary>
internal sealed class StepAttempts(ArtifactStore store, BuildEventStream events, SchedulerOptions options)
{
    /// <summary>Never throws: how the step ended is noted in it. That it starts has been said.</summary>
    public async Task RunAsync(ScheduledStep step, CancellationToken token)
    {
        var attempts = 1 + step.Plan.Retries;
        var reporter = new StepReporter(events, step.Recipe, step.Name);
        var runner = options.Runner(store, reporter);
        runner.KeepFailedIn = options.KeepFailedIn;
        for (var attempt = 1; ; attempt++)
        {
            if (attempt > 1)
            {
                events.Post(new StepStarted(step.Recipe, step.Name, attempt));
            }

            try
            {
                var result = await RunOnceAsync(step, runner, reporter, token).ConfigureAwait(false);
                Finish(step, result);
                return;
            }
            catch (Exception exception) when (!token.IsCancellationRequested && attempt < attempts && options.MayPass(exception))
            {
                events.Post(new StepRetried(step.Recipe, step.Name, attempt, attempts, exception.Message));
                await Task.Delay(options.RetryDelay * Math.Pow(2, attempt - 1), events.Time, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (token.IsCancellationRequested)
                {
                    Stop(step);
                    return;
                }
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                Stop(step);
                return;
            }
            catch (Exception exception)
            {
                Fail(step, exception, attempt, reporter, runner.Kept);
                return;
            }
        }
    }

    private async Task<StepResult> RunOnceAsync(ScheduledStep step, StepRunner runner, StepReporter reporter, CancellationToken token)
    {
        using var limit = step.Plan.Timeout is { } timeout ? new CancellationTokenSource(timeout, events.Time) : new CancellationTokenSource();
        using var both = CancellationTokenSource.CreateLinkedTokenSource(token, limit.Token);
        try
        {
            var result = await runner.RunAsync(step.Plan.Plan, step.Name, step.IsForced, both.Token).ConfigureAwait(false);
            if (step.Plan.After is { } after)
            {
                await after(result, reporter, both.Token).ConfigureAwait(false);
            }

            return result;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !token.IsCancellationRequested)
        {
            throw new StepTimeoutException(
                $"{step.Name} took longer than {Text(step.Plan.Timeout!.Value)} (execution.timeout) and was stopped; what it had finished is kept, so run again, or give it more time");
        }
    }

    private void Finish(ScheduledStep step, StepResult result)
    {
        var elapsed = BuildEventStream.Whole(events.Now - step.Started);
        var shared = step.Twin is { Result.Outcome: not StepOutcome.Cached } && result.Outcome == StepOutcome.Cached;
        var reason = shared ? $"made for {step.Twin!.Recipe}" : result.Reason;
        step.Finish(result, reason, elapsed);
        events.Post(new StepFinished(step.Recipe, step.Name, result.Key, step.Outcome, reason, elapsed, result.Tree.TotalBytes));
    }

    private void Fail(ScheduledStep step, Exception exception, int attempt, StepReporter reporter, string? kept)
    {
        var elapsed = BuildEventStream.Whole(events.Now - step.Started);
        step.Fail(exception, exception.Message, elapsed);
        events.Post(new StepFailed(
            step.Recipe, step.Name, step.Planned.Key, exception.Message, attempt, elapsed, reporter.LastLines, step.Plan.Command?.Invoke(step.Name), kept));
    }

    private void Stop(ScheduledStep step)
    {
        step.Skip("stopped");
        events.Post(new StepSkipped(step.Recipe, step.Name, "stopped"));
    }

    private static string Text(TimeSpan time) => time.TotalHours >= 1 && time.Minutes == 0 && time.Seconds == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0} h")
        : time.TotalMinutes >= 1 && time.Seconds == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min")
            : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###} s");
}
