using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary><see cref="ScaleSearch"/> on a device: the same candidates, compared by the same cost.</summary>
internal static class DeviceScaleSearch
{
    /// <param name="weight">[outputs, inputs] of all linears that read the input, float32.</param>
    /// <param name="h">E[x xᵀ].</param>
    /// <param name="realize">What of wanted scales can be had.</param>
    public static float[] Find(
        Tensor weight, Tensor h, int groupSize, int steps, ClippingGrid clipping, Func<float[], float[]> realize, IGroupOperations operations)
    {
        using var scope = NewDisposeScope();
        var diagonal = h.diagonal(0, 0, 1).contiguous();
        var largest = weight.abs().amax([0L]).cpu().data<float>().ToArray();
        var rms = diagonal.clamp(min: 0).sqrt().cpu().data<float>().ToArray();
        var candidates = ScaleSearch.Candidates(rms, largest, steps, realize);
        var costs = candidates.ConvertAll(scales => CostOf(weight, h, diagonal, groupSize, scales, clipping, operations));
        return candidates[Enumerable.Range(0, candidates.Count).MinBy(candidate => costs[candidate])];
    }

    private static double CostOf(Tensor weight, Tensor h, Tensor diagonal, int groupSize, float[] scales, ClippingGrid clipping, IGroupOperations operations)
    {
        using var scope = NewDisposeScope();
        var factors = tensor(scales).to(weight.device);
        return QuadraticForms.InParts(
            weight.shape[0],
            (first, count) => QuadraticForms.RowsOf(operations.SearchErrors(weight.narrow(0, first, count), factors, diagonal, groupSize, clipping), h)).Sum();
    }
}
