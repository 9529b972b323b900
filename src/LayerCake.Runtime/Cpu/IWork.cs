namespace LayerCake.Runtime;

/// <summary>Work in numbered items, done by all threads of a <see cref="WorkerPool"/>.</summary>
internal interface IWork
{
    /// <param name="item">Which item.</param>
    /// <param name="worker">Which thread, from 0: for memory of its own.</param>
    void Run(int item, int worker);
}
