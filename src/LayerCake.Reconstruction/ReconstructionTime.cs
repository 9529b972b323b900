using LayerCake.Models;

namespace LayerCake.Reconstruction;

/// <summary>What a reconstruction takes at the very least, from the configuration alone.</summary>
public static class ReconstructionTime
{
    /// <summary>
    /// Multiply-adds a second of one core that no processor exceeds today: two units of sixteen float32 lanes at 6 GHz.
    /// </summary>
    private const double MostOfACore = 2 * 16 * 6e9;

    /// <summary>
    /// A bound from below, on the CPU: the products that cannot be left out at a rate that is never reached. What really happens takes several times as long; a limit
    /// below the bound cannot be kept by any machine with so many threads.
    /// </summary>
    public static TimeSpan Least(ModelConfiguration configuration, ReconstructionMethod method, ReconstructionEffort effort, int samples, int sequenceLength, int threads)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var settings = MethodSettings.Of(method, effort, 128);
        var tokens = (double)ReconstructionMemory.SamplesUsed(settings, configuration, samples, sequenceLength) * sequenceLength;
        var linears = ModelFamily.Of(configuration).Linears(configuration);
        var weights = linears.Sum(linear => (double)linear.OutputSize * linear.InputSize);
        double Square(int inputs) => (double)inputs * inputs;

        // Activations through every linear, once for each model that runs; second moments of the four inputs, of which one half is computed; compensation, and each
        // pass of the descent, multiply every weight with all inputs of its row.
        var forward = tokens * weights * (settings.FollowsFloatModel ? 2 : 1);
        var moments = tokens * ((3 * Square(configuration.HiddenSize)) + Square(configuration.IntermediateSize)) / 2;
        var passes = (settings.Compensates ? 0.5 : 0) + settings.DescentPasses;
        var solving = passes * linears.Sum(linear => linear.OutputSize * Square(linear.InputSize));

        // Forwards once and backwards twice, as far as it goes at least before it may end early.
        var learning = settings.Learning is { } learned
            ? 3.0 * learned.Steps * learned.Patience / learned.Checks * Math.Max(sequenceLength, learned.TokensPerStep) * weights
            : 0;
        return TimeSpan.FromSeconds(configuration.LayerCount * (forward + moments + solving + learning) / (MostOfACore * Math.Max(1, threads)));
    }
}
