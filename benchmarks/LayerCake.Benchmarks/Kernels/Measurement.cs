using System.Diagnostics;

namespace LayerCake.Benchmarks.Kernels;

internal static class Measurement
{
    /// <summary>Seconds that a run of each takes: all in turn, round after round, every copy timed by itself; the lower quartile of the times.</summary>
    public static double[] Seconds(IReadOnlyList<Contender> contenders, int rounds)
    {
        var times = contenders.Select(_ => new List<double>()).ToArray();
        for (var round = -1; round < rounds; round++)
        {
            for (var i = 0; i < contenders.Count; i++)
            {
                for (var copy = 0; copy < contenders[i].Copies; copy++)
                {
                    var start = Stopwatch.GetTimestamp();
                    contenders[i].Run(copy);
                    if (round >= 0)
                    {
                        times[i].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                    }
                }
            }
        }

        return [.. times.Select(all => all.Order().ElementAt(all.Count / 4))];
    }
}
