using System.Diagnostics;
using System.Globalization;
using LayerCake.Runtime;

namespace LayerCake.Benchmarks.Decoding;

/// <summary>Generates greedily from a short prompt and prints tokens per second of the steps after the first.</summary>
internal static class DecodingRun
{
    private const int WarmUp = 8;

    public static async Task RunAsync(string workspace, int tokens, int threads)
    {
        using var model = TurboMindModel.Load(workspace, new RuntimeOptions { Device = RuntimeDevice.Cpu, Threads = threads });
        using var session = model.CreateSession();
        var options = GenerationOptions.Greedy with { RequestOutputLength = WarmUp + tokens, IgnoreEos = true };
        var (start, before, count) = (0L, 0, 0);
        await foreach (var token in session.GenerateAsync(new[] { 1, 300, 301, 302 }, options))
        {
            count = token.Count;
            if (start == 0 && count >= WarmUp)
            {
                (start, before) = (Stopwatch.GetTimestamp(), count);
            }
        }

        var generated = count - before;
        Console.WriteLine((generated / Stopwatch.GetElapsedTime(start).TotalSeconds).ToString("F2", CultureInfo.InvariantCulture));
    }
}
