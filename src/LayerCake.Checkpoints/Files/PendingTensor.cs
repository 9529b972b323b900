namespace LayerCake.Checkpoints;

/// <summary>A tensor that a writer has a place for, and how much of it has come.</summary>
internal sealed class PendingTensor(TensorInfo info, long fileOffset)
{
    public TensorInfo Info { get; } = info;

    public long FileOffset { get; } = fileOffset;

    public long WrittenByteCount { get; private set; }

    public bool IsFull => WrittenByteCount == Info.ByteCount;

    /// <summary>Claims the next <paramref name="length"/> bytes and returns where they go in the file.</summary>
    public long Advance(string path, int length)
    {
        if (length > Info.ByteCount - WrittenByteCount)
        {
            throw new InvalidOperationException(
                $"{path}: {length} bytes were written to tensor '{Info.Name}' after {WrittenByteCount}, but it has only {Info.ByteCount}.");
        }

        var offset = FileOffset + WrittenByteCount;
        WrittenByteCount += length;
        return offset;
    }

    public static PendingTensor Find(Dictionary<string, PendingTensor> tensors, string path, string name) =>
        tensors.TryGetValue(name, out var tensor)
            ? tensor
            : throw new ArgumentException($"{path}: tensor '{name}' was not announced when the writer was created.", nameof(name));

    public static void RequireAllFull(IEnumerable<PendingTensor> tensors, string path)
    {
        if (tensors.FirstOrDefault(tensor => !tensor.IsFull) is { } tensor)
        {
            throw new InvalidOperationException(
                $"{path}: only {tensor.WrittenByteCount} of {tensor.Info.ByteCount} bytes of tensor '{tensor.Info.Name}' were written.");
        }
    }
}
