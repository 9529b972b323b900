namespace LayerCake.Building;

/// <summary>A whole plan with the runner alone, step after step; the first failure comes out as it was thrown.</summary>
public static class StepRunnerExtensions
{
    public static async Task<IReadOnlyList<StepResult>> RunAllAsync(
        this StepRunner runner, BuildPlan plan, string? target = null, Func<string, bool>? forced = null, CancellationToken token = default)
    {
        var results = new List<StepResult>();
        foreach (var step in target is null ? plan.Steps : plan.Needed(target))
        {
            results.Add(await runner.RunAsync(plan, step.Name, forced?.Invoke(step.Name) == true, token).ConfigureAwait(false));
        }

        return results;
    }
}
