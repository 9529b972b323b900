using System.Collections.Concurrent;

namespace LayerCake.Evaluation;

/// <summary>As many workspaces as threads were ever at work; kept from layer to layer.</summary>
internal sealed class Workspaces<T>(Func<T> make) : IDisposable
    where T : IDisposable
{
    private readonly ConcurrentBag<T> _free = [];

    /// <summary>Runs over all windows, each with a workspace of its thread.</summary>
    /// <exception cref="EvaluationException">The first that a window threw.</exception>
    public void ForEach(int windows, ParallelOptions options, Action<int, T> body)
    {
        try
        {
            Parallel.For(0, windows, options, () => _free.TryTake(out var workspace) ? workspace : make(), (window, _, workspace) =>
            {
                body(window, workspace);
                return workspace;
            }, _free.Add);
        }
        catch (AggregateException failures) when (failures.Flatten().InnerExceptions.OfType<EvaluationException>().FirstOrDefault() is { } failure)
        {
            throw failure;
        }
    }

    public void Dispose()
    {
        foreach (var workspace in _free)
        {
            workspace.Dispose();
        }
    }
}
