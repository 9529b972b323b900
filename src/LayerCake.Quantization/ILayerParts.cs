namespace LayerCake.Quantization;

/// <summary>
/// Where a long run keeps what it has finished, layer by layer, so that a later run of exactly the same work goes on from there. What is read back is what was
/// committed: damaged or foreign parts are not there.
/// </summary>
public interface ILayerParts
{
    /// <summary>A finished part, to be read from its start; null where there is none. It can be sought in.</summary>
    Stream? TryOpen(string name);

    /// <summary>Begins a part. It takes an earlier one's place when it is committed.</summary>
    ILayerPart Begin(string name);

    /// <summary>Removes a part that is no longer needed.</summary>
    void Remove(string name);

    /// <summary>Told once when finished layers were found.</summary>
    /// <param name="finished">How many.</param>
    /// <param name="layers">Layers in all.</param>
    void Resumed(int finished, int layers);
}

/// <summary>A part that is being written; gone when it is disposed before it was committed.</summary>
public interface ILayerPart : IDisposable
{
    /// <summary>Takes the part's bytes, in order.</summary>
    void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Makes the part durable. One that cannot be kept (no space) is dropped: the run itself goes on.</summary>
    void Commit();
}
