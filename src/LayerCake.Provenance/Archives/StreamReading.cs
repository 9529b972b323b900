namespace LayerCake.Provenance;

internal static class StreamReading
{
    /// <summary>Fills the buffer.</summary>
    /// <exception cref="ProvenanceException">The stream ends before.</exception>
    public static void ReadExactlyOr(this Stream stream, Span<byte> buffer, string what)
    {
        if (stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
        {
            throw new ProvenanceException($"{what} ends too early: it was cut off");
        }
    }
}
