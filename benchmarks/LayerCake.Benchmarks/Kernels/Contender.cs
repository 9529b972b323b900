namespace LayerCake.Benchmarks.Kernels;

/// <summary>One way to do the same work.</summary>
/// <param name="Copies">How many copies of the weights there are: each product takes the next.</param>
/// <param name="Bytes">Weights that one product reads.</param>
internal sealed record Contender(string Name, int Copies, long Bytes, Action<int> Run);
