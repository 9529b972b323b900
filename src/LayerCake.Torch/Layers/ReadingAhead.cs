namespace LayerCake.Torch.Layers;

/// <summary>What is read while something else computes.</summary>
internal static class ReadingAhead
{
    /// <summary>
    /// Waits for what nobody will use any more: it must not read on from weights that the caller is about to close. Its own failure is passed over, another one may be
    /// on its way.
    /// </summary>
    /// <returns>What was read, for the caller to dispose of; nothing where it failed.</returns>
    public static T? Settle<T>(Task<T> reading)
    {
        ((IAsyncResult)reading).AsyncWaitHandle.WaitOne();
        if (reading.IsCompletedSuccessfully)
        {
            return reading.Result;
        }

        // Looked at, so that it is not reported as unobserved.
        _ = reading.Exception;
        return default;
    }
}
