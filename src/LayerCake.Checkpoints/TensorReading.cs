namespace LayerCake.Checkpoints;

/// <summary>What is commonly done with an <see cref="ITensorSource"/>.</summary>
public static class TensorReading
{
    /// <summary>The tensor of that exact name.</summary>
    /// <exception cref="CheckpointException">The source has no such tensor; a name that is close is suggested.</exception>
    public static TensorInfo Find(this ITensorSource source, string name)
    {
        ArgumentNullException.ThrowIfNull(source);
        return source.TryFind(name, out var tensor) ? tensor : throw Absent(source, name);
    }

    /// <summary>Reads the whole tensor into a new array. For tensors of a layer; larger ones are read in pieces with <see cref="ITensorSource.Read"/>.</summary>
    /// <exception cref="CheckpointException">The tensor is absent, cut off, or larger than an array can be (2 GiB).</exception>
    public static byte[] ReadAll(this ITensorSource source, string name)
    {
        var tensor = source.Find(name);
        if (tensor.ByteCount > Array.MaxLength)
        {
            throw new CheckpointException($"{source.Path}: tensor '{name}' has {tensor.ByteCount} bytes, more than one array holds; it must be read in pieces.");
        }

        var bytes = GC.AllocateUninitializedArray<byte>((int)tensor.ByteCount);
        source.Read(name, 0, bytes);
        return bytes;
    }

    internal static CheckpointException Absent(ITensorSource source, string name)
    {
        var tail = name.AsSpan(name.LastIndexOf('.') + 1).ToString();
        var similar = source.Tensors
            .Select(tensor => tensor.Name)
            .Where(other => other.EndsWith(tail, StringComparison.Ordinal))
            .OrderByDescending(other => CommonAffix(other, name))
            .FirstOrDefault();
        var hint = similar is null ? "" : $" The nearest name is '{similar}'.";
        return new CheckpointException(
            $"{source.Path}: no tensor '{name}' among its {source.Tensors.Count}.{hint} Check that the folder holds the whole model and that config.json belongs to it.");
    }

    /// <summary>Refuses ranges that leave the tensor, for implementers of <see cref="ITensorSource.Read"/>.</summary>
    internal static void RequireRange(ITensorSource source, TensorInfo tensor, long byteOffset, int length)
    {
        if (byteOffset < 0 || byteOffset > tensor.ByteCount - length)
        {
            throw new CheckpointException(
                $"{source.Path}: bytes {byteOffset} to {byteOffset + length} were asked of tensor '{tensor.Name}', which has {tensor.ByteCount}.");
        }
    }

    private static int CommonAffix(string left, string right)
    {
        var prefix = left.AsSpan().CommonPrefixLength(right);
        var suffix = 0;
        while (suffix < Math.Min(left.Length, right.Length) - prefix && left[^(suffix + 1)] == right[^(suffix + 1)])
        {
            suffix++;
        }

        return prefix + suffix;
    }
}
