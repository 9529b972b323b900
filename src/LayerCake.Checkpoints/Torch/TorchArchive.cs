using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Checkpoints;

/// <summary>
/// A file of <c>torch.save</c> (.bin, .pth, .pt; PyTorch 1.6 or later): a zip of raw storages and a pickle that describes them. The pickle is read by a
/// reader of our own that makes tensors, dictionaries, sequences, numbers and texts and nothing else; no code in it can run.
/// As a tensor source it lists every tensor: those of the outermost dictionary by their key, those of nested dictionaries and lists by the path of keys
/// joined with '/', for example <c>absmax/model.layers.0</c>. Safe for concurrent reads.
/// </summary>
public sealed class TorchArchive : ITensorSource
{
    private readonly InputFile _file;

    private TorchArchive(InputFile file, TorchValue root)
    {
        _file = file;
        Root = root;
    }

    public string Path => _file.Path;

    /// <summary>The saved value as it is nested.</summary>
    public TorchValue Root { get; }

    public IReadOnlyList<TensorInfo> Tensors => throw new NotSupportedException();

    /// <summary>Reads the directory and the pickle and checks every tensor against its storage; no tensor is read.</summary>
    /// <exception cref="CheckpointException">Not a torch archive, cut off, contradictory, or it asks for a Python global that is not plain data.</exception>
    public static TorchArchive Open(string path) => throw new NotSupportedException();

    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor) => throw new NotSupportedException();

    public void Read(string name, long byteOffset, Span<byte> destination) => throw new NotSupportedException();

    /// <summary>Reads bytes of a tensor found below <see cref="Root"/>, as if it were contiguous.</summary>
    public void Read(TorchTensor tensor, long byteOffset, Span<byte> destination) => throw new NotSupportedException();

    public void Dispose() => _file.Dispose();
}
