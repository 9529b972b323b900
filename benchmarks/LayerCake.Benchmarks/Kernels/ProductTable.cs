using System.Globalization;
using LayerCake.Kernels;
using LayerCake.Torch;

namespace LayerCake.Benchmarks.Kernels;

/// <summary>
/// Products of packed weights beside libtorch's and beside a plain read, in turn, round after round: on a shared machine only what was measured side by side can be
/// compared. A round does every copy of the weights once, timed one by one; of all times the lower quartile counts.
/// </summary>
internal static class ProductTable
{
    private static readonly (int Inputs, int Outputs)[] s_shapes = [(4096, 4096), (4096, 11008), (11008, 4096)];

    public static void Print(int rows, int rounds, int threads)
    {
        using var workers = new WorkerPool(threads);
        LibTorch.EnsureLoaded();
        TorchSharp.torch.set_num_threads(threads);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows} row(s), {threads} thread(s), {rounds} rounds"));
        Console.WriteLine();
        Console.WriteLine("| inputs × outputs | weights | time | rate | of a plain read | GFLOP/s |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var (inputs, outputs) in s_shapes)
        {
            using var operands = new ProductOperands(inputs, outputs, rows, workers);
            var contenders = operands.All().ToArray();
            var times = Measurement.Seconds(contenders, rounds);
            for (var i = 0; i < contenders.Length; i++)
            {
                var (contender, seconds) = (contenders[i], times[i]);
                var rate = contender.Bytes / seconds / 1e9;
                var plain = contenders[0].Bytes / times[0] / 1e9;
                var flops = i == 0 ? "" : (2e-9 * inputs * outputs * rows / seconds).ToString("F1", CultureInfo.InvariantCulture);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {inputs} × {outputs} | {contender.Name} | {seconds * 1e3:F3} ms | {rate:F1} GB/s | {rate / plain:P0} | {flops} |"));
            }
        }
    }
}
