namespace LayerCake.Building;

/// <summary>Puts steps into an order in which each comes after those it depends on.</summary>
internal static class StepOrder
{
    /// <exception cref="BuildException">Two steps share a name, one depends on an unknown one, or some depend on each other in a circle.</exception>
    public static IReadOnlyList<IBuildStep> Sort(IReadOnlyList<IBuildStep> steps)
    {
        var byName = new Dictionary<string, IBuildStep>(StringComparer.Ordinal);
        foreach (var step in steps)
        {
            if (!byName.TryAdd(step.Name, step))
            {
                throw new BuildException($"there are two steps named '{step.Name}'");
            }
        }

        var sorted = new List<IBuildStep>(steps.Count);
        var done = new HashSet<string>(StringComparer.Ordinal);
        var path = new List<string>();
        foreach (var step in steps)
        {
            Visit(step, byName, done, path, sorted);
        }

        return sorted;
    }

    private static void Visit(IBuildStep step, Dictionary<string, IBuildStep> byName, HashSet<string> done, List<string> path, List<IBuildStep> sorted)
    {
        if (done.Contains(step.Name))
        {
            return;
        }

        var start = path.IndexOf(step.Name);
        path.Add(step.Name);
        if (start >= 0)
        {
            throw new BuildException($"steps depend on each other in a circle: {string.Join(" -> ", path[start..])}");
        }

        foreach (var name in step.DependsOn)
        {
            if (!byName.TryGetValue(name, out var before))
            {
                throw new BuildException($"the step '{step.Name}' depends on '{name}', which is not in the plan; its steps are {string.Join(", ", byName.Keys)}");
            }

            Visit(before, byName, done, path, sorted);
        }

        path.RemoveAt(path.Count - 1);
        done.Add(step.Name);
        sorted.Add(step);
    }
}
