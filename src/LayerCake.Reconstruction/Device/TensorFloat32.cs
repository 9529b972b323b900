using TorchSharp;

namespace LayerCake.Reconstruction;

/// <summary>
/// Lets a GPU round the factors of float32 products to 11 bits, while it lives: exact for activations, which are float16 values, and much faster; sums stay float32. For
/// sums over very many products of other values too, whose rounding errors cancel.
/// </summary>
internal readonly struct TensorFloat32 : IDisposable
{
    private readonly bool _before;

    private TensorFloat32(bool before) => _before = before;

    public static TensorFloat32 Allow()
    {
        var before = torch.backends.cuda.matmul.allow_tf32;
        torch.backends.cuda.matmul.allow_tf32 = true;
        return new TensorFloat32(before);
    }

    public void Dispose() => torch.backends.cuda.matmul.allow_tf32 = _before;
}
