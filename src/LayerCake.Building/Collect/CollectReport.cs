namespace LayerCake.Building;

/// <summary>What a collection did, or would do.</summary>
/// <param name="Removed">In the order of removal.</param>
/// <param name="BytesBefore">Size of the store before.</param>
/// <param name="BytesFreed">Size of what goes.</param>
/// <param name="Kept">How many results stay.</param>
/// <param name="HeldBytes">
/// By how much a limit is still missed, since the rest is held by lock records, running builds or its recent use; 0 where all limits are met.
/// </param>
public sealed record CollectReport(IReadOnlyList<CollectedItem> Removed, long BytesBefore, long BytesFreed, int Kept, long HeldBytes)
{
    public long BytesAfter => BytesBefore - BytesFreed;
}
