using LayerCake.Kernels;

namespace LayerCake.Reconstruction.Tests.Numerics;

internal sealed unsafe class TriangularFactorTests
{
    private static readonly ParallelOptions Options = new() { MaxDegreeOfParallelism = 2 };

    [Test]
    public void The_factors_multiply_to_the_damped_matrix()
    {
        using var problem = new Problem(160, 8, seed: 1);

        using var factor = TriangularFactor.Of(problem.H, 160, 160, 0.01, Options);

        var worst = 0.0;
        for (var i = 0; i < 160; i++)
        {
            for (var j = 0; j < 160; j++)
            {
                var sum = 0.0;
                for (var k = Math.Max(i, j); k < 160; k++)
                {
                    sum += (i == k ? 1.0 : factor.FeedbackRow(k)[i]) * factor.Pivots[k] * (j == k ? 1.0 : factor.FeedbackRow(k)[j]);
                }

                worst = Math.Max(worst, Math.Abs(sum - problem.H[(i * 160) + j]));
            }
        }

        Assert.That(worst, Is.LessThan(1e-5), "the diagonal of H has the damping in it");
    }

    [Test]
    public void Dead_channels_do_not_disturb_the_others()
    {
        using var problem = new Problem(128, 8, seed: 2, inputScale: i => i % 3 == 0 ? 0 : 1);

        using var factor = TriangularFactor.Of(problem.H, 128, 128, 0.01, Options);

        for (var k = 0; k < 128; k++)
        {
            Assert.That(float.IsFinite(factor.Pivots[k]) && factor.Pivots[k] > 0, Is.True);
            for (var i = 0; i < k; i++)
            {
                Assert.That(i % 3 == 0 || k % 3 == 0 ? factor.FeedbackRow(k)[i] == 0 : float.IsFinite(factor.FeedbackRow(k)[i]), Is.True);
            }
        }
    }

    [TestCase(-0.5f)]
    [TestCase(0f)]
    public void A_matrix_that_is_not_positive_definite_is_damped_until_it_is(float smallest)
    {
        // All ones but a diagonal that makes an eigenvalue of smallest.
        const int Size = 64;
        using var h = new FloatBuffer(Size * Size);
        for (var i = 0; i < Size; i++)
        {
            for (var j = 0; j < Size; j++)
            {
                h.Pointer[(i * Size) + j] = i == j ? 1 + smallest : 1;
            }
        }

        using var factor = TriangularFactor.Of(h.Pointer, Size, Size, 0, Options);

        Assert.That(factor.Damping, Is.GreaterThan(-smallest));
        Assert.That(factor.Pivots, Has.All.GreaterThan(0f));
    }

    [Test]
    public void A_matrix_of_zeros_gives_a_factor_too()
    {
        using var h = new FloatBuffer(32 * 32);

        using var factor = TriangularFactor.Of(h.Pointer, 32, 32, 0.01, Options);

        Assert.That(factor.Pivots, Has.All.InRange(1f, 1.1f));
    }
}
