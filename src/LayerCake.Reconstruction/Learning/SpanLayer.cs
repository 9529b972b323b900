using static TorchSharp.torch;

namespace LayerCake.Reconstruction;

/// <summary>A layer of a span that is to be learned.</summary>
/// <param name="Found">What was found for it; stays as it is.</param>
/// <param name="Weight">Gives, by a linear's name, the float weight that its codes stand for, scaled as they are: [outputs, inputs], float32, on the device that learns; the caller's scope owns it.</param>
internal sealed record SpanLayer(IQuantizedLayer Found, Func<string, Tensor> Weight);
