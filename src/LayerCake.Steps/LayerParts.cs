using LayerCake.Building;
using LayerCake.Quantization;

namespace LayerCake.Steps;

/// <summary>A step's parts in the store, as calibration and quantization know them.</summary>
internal sealed class LayerParts(StepParts parts) : ILayerParts
{
    public Stream? TryOpen(string name) => parts.TryOpen(name);

    public ILayerPart Begin(string name) => new Part(parts.Begin(name));

    public void Remove(string name) => parts.Remove(name);

    public void Resumed(int finished, int layers) => parts.Resumed(finished, layers);

    private sealed class Part(StepPart part) : ILayerPart
    {
        public void Write(ReadOnlySpan<byte> bytes) => part.Write(bytes);

        public void Commit() => part.Commit();

        public void Dispose() => part.Dispose();
    }
}
