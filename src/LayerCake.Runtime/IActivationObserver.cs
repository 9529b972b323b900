namespace LayerCake.Runtime;

/// <summary>Sees the values inside the layers while <see cref="TurboMindModel.Logits"/> or <see cref="TurboMindModel.RunLayer"/> runs.</summary>
public interface IActivationObserver
{
    /// <summary>Whether <see cref="Observe"/> is to be called for this kind of value.</summary>
    bool Wants(Activation activation);

    /// <param name="layer">Which layer, from 0.</param>
    /// <param name="activation">Which value.</param>
    /// <param name="firstPosition">The position of the first row in the sequence.</param>
    /// <param name="columns">Values per row.</param>
    /// <param name="values">[rows, columns], valid during the call only.</param>
    void Observe(int layer, Activation activation, int firstPosition, int columns, ReadOnlySpan<float> values);
}
