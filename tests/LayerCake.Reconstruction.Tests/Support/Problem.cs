using LayerCake.Kernels;

namespace LayerCake.Reconstruction.Tests;

/// <summary>A made-up linear with correlated inputs, as activations are.</summary>
internal sealed unsafe class Problem : IDisposable
{
    public const int GroupSize = 128;

    private readonly FloatBuffer _h;

    public Problem(int inputs, int outputs, int seed, Func<int, float>? inputScale = null)
    {
        var random = new Random(seed);
        Inputs = inputs;
        Weight = new WeightPanels(outputs, inputs);
        for (var panel = 0; panel < Weight.PanelCount; panel++)
        {
            for (var i = 0; i < inputs * WeightPanels.Width; i++)
            {
                Weight.Panel(panel)[i] = (panel * WeightPanels.Width) + (i % WeightPanels.Width) < outputs ? (float)(Half)((random.NextSingle() - 0.5f) * 0.2f) : 0;
            }
        }

        const int Tokens = 700;
        const int Factors = 24;
        var mixing = Enumerable.Range(0, inputs * Factors).Select(_ => random.NextSingle() - 0.5f).ToArray();
        _h = new FloatBuffer((long)inputs * inputs);
        var x = new float[inputs];
        for (var token = 0; token < Tokens; token++)
        {
            var factors = Enumerable.Range(0, Factors).Select(_ => random.NextSingle() - 0.5f).ToArray();
            for (var i = 0; i < inputs; i++)
            {
                x[i] = (random.NextSingle() - 0.5f) * 0.3f;
                for (var f = 0; f < Factors; f++)
                {
                    x[i] += mixing[(i * Factors) + f] * factors[f];
                }

                x[i] *= inputScale?.Invoke(i) ?? 1;
            }

            for (var i = 0; i < inputs; i++)
            {
                for (var j = 0; j < inputs; j++)
                {
                    H[(i * inputs) + j] += x[i] * x[j] / Tokens;
                }
            }
        }
    }

    public int Inputs { get; }

    public WeightPanels Weight { get; }

    public float* H => _h.Pointer;

    public ParallelOptions Options { get; } = new() { MaxDegreeOfParallelism = 2 };

    /// <summary>Σ (w' − w) H (w' − w)ᵀ with undamped moments, in float64.</summary>
    public double Error(Int4Panels codes, double[]? h = null)
    {
        var total = 0.0;
        using var values = new FloatBuffer((long)Inputs * WeightPanels.Width);
        for (var panel = 0; panel < codes.PanelCount; panel++)
        {
            codes.Values(panel, values.Pointer, rounded: false);
            for (var lane = 0; lane < WeightPanels.Width; lane++)
            {
                var e = Enumerable.Range(0, Inputs).Select(i => (double)values.Pointer[(i * WeightPanels.Width) + lane] - Weight.Panel(panel)[(i * WeightPanels.Width) + lane]).ToArray();
                for (var i = 0; i < Inputs; i++)
                {
                    for (var j = 0; j < Inputs; j++)
                    {
                        total += e[i] * e[j] * (h is null ? H[(i * Inputs) + j] : h[(i * Inputs) + j]);
                    }
                }
            }
        }

        return total;
    }

    public double[] CopyOfMoments() => [.. Enumerable.Range(0, Inputs * Inputs).Select(i => (double)H[i])];

    /// <summary>Rounds to nearest.</summary>
    public Int4Panels Rounded() => LinearSolver.Solve(
        new LinearSolver.Problem(Weight, ScaleSearch.Ones(Inputs), null, null), new SolverSettings { GroupSize = GroupSize }, Options).Codes;

    public static void AssertLegal(Int4Panels codes)
    {
        for (var panel = 0; panel < codes.PanelCount; panel++)
        {
            for (var i = 0; i < codes.Inputs * WeightPanels.Width; i++)
            {
                var code = codes.Codes(panel)[i];
                Assert.That(code is >= 0 and <= 15 && code == MathF.Floor(code), Is.True, $"code {code}");
            }

            for (var group = 0; group < codes.Groups; group++)
            {
                for (var lane = 0; lane < WeightPanels.Width; lane++)
                {
                    var (scale, zero) = (codes.Scales(panel, group)[lane], codes.Zeros(panel, group)[lane]);
                    Assert.That(zero is >= 0 and <= 15 && zero == MathF.Floor(zero), Is.True, $"zero point {zero}");
                    Assert.That(scale >= 0 && scale == (float)(Half)scale && float.IsFinite(scale), Is.True, $"scale {scale}");
                }
            }
        }
    }

    public void Dispose()
    {
        Weight.Dispose();
        _h.Dispose();
    }
}
