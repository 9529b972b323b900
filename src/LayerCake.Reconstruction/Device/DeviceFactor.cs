using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>H = U D Uᵀ on a device, as <see cref="TriangularFactor"/> has it: U unit upper triangular, damping raised until the factor exists. Owns its tensors.</summary>
internal sealed class DeviceFactor : IDisposable
{
    private const int MostAttempts = 12;

    private DeviceFactor(Tensor feedback, Tensor pivots) => (Feedback, Pivots) = (feedback, pivots);

    /// <summary>U without its diagonal of ones, [n, n], float32: row i says how an error in input i moves the targets of the inputs after it.</summary>
    public Tensor Feedback { get; }

    /// <summary>D, [n], float32.</summary>
    public Tensor Pivots { get; }

    /// <summary>Factors H + damping · mean(diagonal) · I in float64; channels that never carry anything get a diagonal of one mean.</summary>
    /// <param name="h">[n, n], float32, symmetric; not changed but for dead channels' diagonal and the damping.</param>
    /// <exception cref="ReconstructionException">The entries are not finite: activations have left float16's range.</exception>
    public static DeviceFactor Of(Tensor h, double damping)
    {
        using var scope = NewDisposeScope();
        var diagonal = h.diagonal(0, 0, 1).to(ScalarType.Float64).cpu().data<double>().ToArray();
        var alive = diagonal.Where(value => double.IsFinite(value) && value > 0).ToArray();
        var mean = alive.Length > 0 ? alive.Sum() / alive.Length : 1;
        for (var attempt = 0; attempt < MostAttempts; attempt++, damping = Math.Max(damping * 4, 1e-4))
        {
            var added = damping * mean;
            double[] damped = [.. diagonal.Select(value => (value > 0 ? value : mean) + added)];
            if (TryFactor(h, damped, added * 1e-3) is { } factor)
            {
                h.diagonal(0, 0, 1).copy_(tensor(Array.ConvertAll(damped, value => (float)value)));
                return factor;
            }
        }

        throw new ReconstructionException(
            "Second moments of activations have no factor: they are infinite or not a number in float16, which the engine computes in. " +
            "The model does not work in float16, or its weights are damaged: try it with other software first.");
    }

    /// <summary>Solves z H = y.</summary>
    /// <param name="y">[rows, n], float32.</param>
    /// <returns>z; the caller's scope owns it.</returns>
    public Tensor Solve(Tensor y)
    {
        using var scope = NewDisposeScope();
        var first = linalg.solve_triangular(Feedback.t(), y, upper: false, left: false, unitriangular: true).div_(Pivots);
        return linalg.solve_triangular(Feedback, first, upper: true, left: false, unitriangular: true).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        Feedback.Dispose();
        Pivots.Dispose();
    }

    private static DeviceFactor? TryFactor(Tensor h, double[] diagonal, double leastPivot)
    {
        using var scope = NewDisposeScope();
        Array.Reverse(diagonal);
        Tensor lower, failed;
        using (var reversed = h.flip(0, 1).to(ScalarType.Float64))
        {
            reversed.diagonal(0, 0, 1).copy_(tensor(diagonal));
            (lower, failed) = linalg.cholesky_ex(reversed);
        }

        Array.Reverse(diagonal);
        var roots = lower.diagonal(0, 0, 1).clone();
        var pivots = roots.square();
        if (failed.cpu().item<int>() != 0 || !pivots.cpu().data<double>().ToArray().All(pivot => double.IsFinite(pivot) && pivot > leastPivot))
        {
            return null;
        }

        // U = the reversed factor with its columns divided by its diagonal.
        var feedback = lower.div_(roots).to(ScalarType.Float32).flip(0, 1).triu_(1);
        return new DeviceFactor(feedback.contiguous().DetachFromDisposeScope(), pivots.flip(0).to(ScalarType.Float32).contiguous().DetachFromDisposeScope());
    }
}
