using System.Globalization;
using System.Numerics;

namespace LayerCake.Text;

/// <summary>Draws calibration windows as LMDeploy v0.1.0 (and GPTQ before it) does from wikitext2 and ptb.</summary>
public static class CalibrationSampler
{
    /// <summary>
    /// Seeds Python's generator once, then draws one start <c>randint(0, T - sequenceLength)</c> a sample, where T counts
    /// <paramref name="ids"/>, special tokens included. Windows may overlap and repeat.
    /// </summary>
    /// <param name="ids">The whole calibration text as one sequence, BOS in front where the tokenizer adds it.</param>
    /// <param name="samples">How many windows; at least 1.</param>
    /// <param name="sequenceLength">Tokens in a window; at least 1.</param>
    /// <param name="seed">LMDeploy always takes 0.</param>
    /// <returns>[samples][sequenceLength] token ids.</returns>
    /// <exception cref="CalibrationDataException">There are fewer tokens than one window needs.</exception>
    public static int[][] Draw(ReadOnlySpan<int> ids, int samples, int sequenceLength, BigInteger seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);

        if (ids.Length < sequenceLength)
        {
            throw new CalibrationDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"The calibration set is too short: it has {ids.Length} tokens, and one sample needs {sequenceLength}. "
                + $"Use a longer text, or a sequence length of at most {Math.Max(1, ids.Length)}."));
        }

        var random = new PythonRandom(seed);
        var windows = new int[samples][];
        for (int sample = 0; sample < samples; sample++)
        {
            int start = (int)random.RandInt(0, ids.Length - sequenceLength);
            windows[sample] = ids.Slice(start, sequenceLength).ToArray();
        }

        return windows;
    }
}
