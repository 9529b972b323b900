using LayerCake.Kernels;

namespace LayerCake.Runtime;

/// <summary>Takes weight files in the workspace's layout.</summary>
internal interface IWeightReceiver
{
    /// <param name="name">The file's name, for example <c>layers.0.attention.w_qkv.1.weight</c>.</param>
    /// <param name="content">The file's bytes; the receiver owns it from now on.</param>
    void Take(string name, NativeBuffer content);
}
