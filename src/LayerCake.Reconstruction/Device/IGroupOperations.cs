using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>What quantizing does inside a group of inputs, for all outputs at once. Matrices are float32 on the device unless they say otherwise.</summary>
internal interface IGroupOperations : IDisposable
{
    /// <summary>Rounds every group to nearest in the range found for it (<see cref="GroupRange.Find"/>).</summary>
    /// <param name="w">[outputs, inputs], contiguous.</param>
    /// <param name="importance">Of each input.</param>
    void Round(Tensor w, Tensor importance, ClippingGrid clipping, DeviceCodes result);

    /// <summary>(w' − w s) / s, w' being w s rounded to nearest: what scales do to errors.</summary>
    /// <param name="w">[outputs, inputs], contiguous.</param>
    /// <param name="scales">s, of each input.</param>
    /// <param name="diagonal">E[x²] of each input before it is divided by s.</param>
    /// <returns>[outputs, inputs]; the caller's scope owns it.</returns>
    Tensor SearchErrors(Tensor w, Tensor scales, Tensor diagonal, int groupSize, ClippingGrid clipping);

    /// <summary>Finds the ranges of a group and rounds its inputs one after the other, each making up for the errors of those before it (<see cref="ErrorCompensation"/>).</summary>
    /// <param name="targets">[outputs, group size], contiguous: moved by the groups before; not used afterwards.</param>
    /// <param name="w">[outputs, inputs], contiguous: what errors are counted from.</param>
    /// <param name="errors">[outputs, inputs], contiguous; gets w − w' of the group.</param>
    void Compensate(Tensor targets, Tensor w, DeviceFactor factor, int group, ClippingGrid clipping, Tensor errors, DeviceCodes result);

    /// <summary>Every code of a group becomes the best one given all others, and then its scale the best for them (<see cref="CoordinateDescent"/>).</summary>
    /// <param name="gradient">[outputs, group size], contiguous: (w − w') H at the group; not used afterwards.</param>
    /// <param name="h">[inputs, inputs], contiguous, with a positive diagonal.</param>
    /// <param name="w">[outputs, inputs], contiguous.</param>
    /// <param name="residual">[outputs, inputs], contiguous: w − w', kept up to date.</param>
    void Descend(Tensor gradient, Tensor h, Tensor w, int group, Tensor residual, DeviceCodes result);
}
