using CsCheck;
using LayerCake.Kernels;

namespace LayerCake.Reconstruction.Tests.Solving;

internal sealed unsafe class SolverTests
{
    private static readonly ClippingGrid Clipping = new(20, 0.5f, 2);

    [Test]
    public void Rounding_to_nearest_is_off_by_half_a_step_at_most() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Float[-2, 2], Gen.Float[0.001f, 4]).Sample(
            (seed, shift, spread) =>
            {
                using var group = Group(seed, shift, spread);
                var scale = stackalloc float[32];
                var zero = stackalloc float[32];
                using var codes = new FloatBuffer(128 * 32);
                GroupRange.Find(group.Pointer, null, 128, ClippingGrid.None, scale, zero);
                GroupRange.Codes(group.Pointer, 128, scale, zero, codes.Pointer);

                for (var i = 0; i < 128 * 32; i++)
                {
                    var (code, lane) = (codes.Pointer[i], i % 32);
                    Assert.That(code is >= 0 and <= 15, Is.True);

                    // The range itself moves by up to half a step when its zero point is rounded.
                    Assert.That(Math.Abs(((code - zero[lane]) * scale[lane]) - group.Pointer[i]), Is.LessThanOrEqualTo(1.02f * scale[lane]));
                }
            },
            iter: 40);

    [Test]
    public void A_group_of_zeros_stays_zeros()
    {
        using var group = new FloatBuffer(128 * 32);
        using var importance = new FloatBuffer(128);
        var scale = stackalloc float[32];
        var zero = stackalloc float[32];
        GroupRange.Find(group.Pointer, importance.Pointer, 128, Clipping, scale, zero);
        GroupRange.Errors(group.Pointer, 128, scale, zero);

        for (var i = 0; i < 128 * 32; i++)
        {
            Assert.That(group.Pointer[i], Is.Zero);
        }
    }

    [Test]
    public void Each_method_has_less_error_than_the_one_before_it([Values(1, 2, 3)] int seed)
    {
        using var problem = new Problem(256, 48, seed, inputScale: i => i % 17 == 0 ? 6 : 1);
        var truth = problem.CopyOfMoments();
        using var rounded = problem.Rounded();
        using var clipped = Solve(problem, new SolverSettings { Clipping = Clipping }, truth);
        using var compensated = Solve(problem, new SolverSettings { Clipping = Clipping, Compensates = true }, truth);
        using var descended = Solve(problem, new SolverSettings { Clipping = Clipping, Compensates = true, DescentPasses = 4 }, truth);

        double[] errors = [problem.Error(rounded, truth), problem.Error(clipped, truth), problem.Error(compensated, truth), problem.Error(descended, truth)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(errors, Is.Ordered.Descending);
            Assert.That(errors[2], Is.LessThan(0.7 * errors[0]));
            new[] { rounded, clipped, compensated, descended }.ToList().ForEach(Problem.AssertLegal);
        }
    }

    [Test]
    public void Dead_channels_and_groups_of_zeros_give_numbers([Values] bool compensates)
    {
        using var problem = new Problem(256, 40, seed: 5, inputScale: i => i < 128 || i % 2 == 0 ? 0 : 1);
        for (var i = 0; i < 128 * 32; i++)
        {
            problem.Weight.Panel(0)[i] = 0;
        }

        using var codes = Solve(problem, new SolverSettings { Clipping = Clipping, Compensates = compensates, DescentPasses = 2 }, problem.CopyOfMoments());
        using var values = codes.Dequantize(1);

        Problem.AssertLegal(codes);
        for (var output = 0; output < 40; output++)
        {
            for (var input = 0; input < 256; input++)
            {
                Assert.That(float.IsFinite(values.At(output, input)), Is.True);
            }
        }

        Assert.That(values.At(3, 7), Is.Zero, "a group of zeros whose errors nobody feels");
    }

    [Test]
    public void Descent_never_raises_the_error_and_leaves_a_perfect_fit_alone()
    {
        using var problem = new Problem(128, 32, seed: 7);
        using var rounded = problem.Rounded();
        var truth = problem.CopyOfMoments();
        using var exact = new FloatBuffer(128 * 32);
        rounded.Values(0, exact.Pointer, rounded: false);
        using var scratch = new FloatBuffer(((2 * 128) + (2 * 128)) * 32);
        using var factor = TriangularFactor.Of(problem.H, 128, 128, 0.01, problem.Options);
        var before = problem.Error(rounded, truth);
        var codes = new Span<float>(rounded.Codes(0), 128 * 32).ToArray();

        CoordinateDescent.Improve(exact.Pointer, problem.H, 128, rounded, 0, 2, scratch.Pointer);
        Assert.That(new Span<float>(rounded.Codes(0), 128 * 32).ToArray(), Is.EqualTo(codes));

        CoordinateDescent.Improve(problem.Weight.Panel(0), problem.H, 128, rounded, 0, 3, scratch.Pointer);
        Assert.That(problem.Error(rounded, truth), Is.LessThan(0.8 * before));
    }

    [Test]
    public void What_packing_writes_is_what_the_codes_stand_for()
    {
        using var problem = new Problem(256, 40, seed: 9);
        using var codes = problem.Rounded();
        using var pool = new LayerCake.Quantization.Numerics.BufferPool();
        using var packed = new LayerCake.Quantization.Int4.PackedLinear(40, 256, 128, pool);

        Int4Packing.Pack(codes, packed, problem.Options);

        int[] order = [0, 2, 4, 6, 1, 3, 5, 7];
        for (var output = 0; output < 40; output++)
        {
            var shift = 4 * Array.IndexOf(order, output % 8);
            for (var input = 0; input < 256; input++)
            {
                var code = (packed.Weights[(input * 5) + (output / 8)] >> shift) & 15;
                var zero = (packed.Zeros[(input / 128 * 5) + (output / 8)] >> shift) & 15;
                var value = ((float)code - zero) * packed.Scales[(input / 128 * 40) + output];
                Assert.That((float)(Half)value, Is.EqualTo(Value(codes, output, input)));
            }
        }
    }

    private static float Value(Int4Panels codes, int output, int input) =>
        (float)(Half)((codes.Codes(output / 32)[(input * 32) + (output % 32)] - codes.Zeros(output / 32, input / 128)[output % 32])
            * codes.Scales(output / 32, input / 128)[output % 32]);

    private static Int4Panels Solve(Problem problem, SolverSettings settings, double[] truth)
    {
        using var moments = new InputMoments(problem.Inputs, InputMoments.Difference.None, 1);
        for (var i = 0; i < problem.Inputs; i++)
        {
            for (var j = 0; j < problem.Inputs; j++)
            {
                moments.Second.Row(i)[j] = (float)truth[(i * problem.Inputs) + j];
            }
        }

        using var factor = TriangularFactor.Of(moments.Second.Pointer, moments.Second.Stride, problem.Inputs, settings.Damping, problem.Options);
        return LinearSolver.Solve(new LinearSolver.Problem(problem.Weight, ScaleSearch.Ones(problem.Inputs), moments, factor), settings, problem.Options).Codes;
    }

    private static FloatBuffer Group(int seed, float shift, float spread)
    {
        var random = new Random(seed);
        var group = new FloatBuffer(128 * 32);
        for (var i = 0; i < 128 * 32; i++)
        {
            group.Pointer[i] = ((random.NextSingle() - 0.5f) * spread) + shift;
        }

        return group;
    }
}
