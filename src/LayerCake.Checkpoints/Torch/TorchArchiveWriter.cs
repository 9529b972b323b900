namespace LayerCake.Checkpoints;

/// <summary>
/// Writes a file that <c>torch.load</c> reads, <c>weights_only=True</c> included. All tensors are announced beforehand and then arrive whole or in chunks,
/// in any order; different tensors may be written by different threads. The same layout and tensors give the same bytes.
/// </summary>
public sealed class TorchArchiveWriter : IDisposable
{
    /// <summary>Creates (or empties) the file and reserves its size. The archive's inner folder is the file's name without extension, as torch has it.</summary>
    public static TorchArchiveWriter Create(string path, TorchLayout layout) => throw new NotSupportedException();

    /// <summary>Writes a whole tensor.</summary>
    /// <param name="name">The key, or <c>outer/inner</c> for a nested layout.</param>
    /// <param name="bytes">Little-endian, row-major.</param>
    public void Write(string name, ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

    /// <summary>Writes the next bytes of a tensor.</summary>
    public void WriteChunk(string name, ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

    /// <summary>Checks that every tensor came in full, writes the directory and flushes to the disk. Without it, <see cref="Dispose"/> deletes the file.</summary>
    public void Complete() => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
