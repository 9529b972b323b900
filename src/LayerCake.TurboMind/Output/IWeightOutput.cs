namespace LayerCake.TurboMind;

/// <summary>A weight file as a conversion writes it: of known size, at any offset, by any thread.</summary>
public interface IWeightOutput : IDisposable
{
    /// <exception cref="WorkspaceException">The write failed; the message names the file.</exception>
    void Write(ReadOnlySpan<byte> bytes, long offset);
}
