using System.Collections.Concurrent;

namespace LayerCake.Kernels;

/// <summary>As many workspaces as threads were ever at work; kept from layer to layer.</summary>
public sealed class Workspaces<T>(Func<T> make) : IDisposable
    where T : IDisposable
{
    private readonly ConcurrentBag<T> _free = [];

    /// <summary>Runs over 0 to <paramref name="count"/> − 1, each with a workspace of its thread. The first fault of the kind named is thrown as it is.</summary>
    public void ForEach<TFault>(int count, ParallelOptions options, Action<int, T> body)
        where TFault : Exception
    {
        try
        {
            Parallel.For(0, count, options, () => _free.TryTake(out var workspace) ? workspace : make(), (index, _, workspace) =>
            {
                body(index, workspace);
                return workspace;
            }, _free.Add);
        }
        catch (AggregateException failures) when (failures.Flatten().InnerExceptions.OfType<TFault>().FirstOrDefault() is { } failure)
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
