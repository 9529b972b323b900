using LayerCake.Quantization;

namespace LayerCake.Reconstruction;

/// <summary>Hidden states that a run which goes on after an interruption starts from.</summary>
internal interface IKeptStates
{
    long ByteCount { get; }

    /// <summary>Writes all of them, <see cref="ByteCount"/> bytes.</summary>
    void WriteTo(ILayerPart part);

    /// <summary>Reads what <see cref="WriteTo"/> has written.</summary>
    void ReadFrom(Stream content);
}
