namespace LayerCake.Evaluation;

/// <summary>Which half of the cache.</summary>
public enum KeyValueKind
{
    Key,
    Value,
}

/// <summary>What a quantized cache does to one head: √(Σ(x' − x)² / Σx²), with one range for all heads of the layer, as the engine has it.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Kind">Keys (after rotary embedding) or values.</param>
/// <param name="Head">KV head, from 0.</param>
/// <param name="Int8">With its own zero point.</param>
/// <param name="Int8Symmetric">Around 0.</param>
/// <param name="Int4">With its own zero point.</param>
/// <param name="Int4Symmetric">Around 0.</param>
/// <param name="Stored">With the int8 scales that the artifact has; null where it has none.</param>
public sealed record HeadErrors(int Layer, KeyValueKind Kind, int Head, double Int8, double Int8Symmetric, double Int4, double Int4Symmetric, double? Stored);

/// <summary>A channel that an int4 cache would pay for: it widens the range of its layer at least fourfold.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Kind">Keys or values.</param>
/// <param name="Head">KV head, from 0.</param>
/// <param name="Channel">Within the head.</param>
/// <param name="Largest">Its largest absolute value.</param>
/// <param name="LargestOfOthers">That of all channels that are not outliers.</param>
/// <param name="OthersError">Relative error of those others with int4, as it would be.</param>
/// <param name="OthersErrorWithout">As it would be if no outlier widened the range.</param>
public sealed record OutlierChannel(
    int Layer, KeyValueKind Kind, int Head, int Channel, double Largest, double LargestOfOthers, double OthersError, double OthersErrorWithout);
