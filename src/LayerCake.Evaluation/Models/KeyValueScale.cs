namespace LayerCake.Evaluation;

/// <summary>How one layer's cached keys or values are kept as int8 on one rank.</summary>
/// <param name="Scale">Of a step, in units of the values.</param>
/// <param name="ZeroPoint">A real number in units of the values: the middle of the range.</param>
public readonly record struct Int8Range(float Scale, float ZeroPoint);

/// <summary>The four numbers of a <c>past_kv_scale</c> file.</summary>
/// <param name="Keys">Of the keys after rotary embedding.</param>
/// <param name="Values">Of the values.</param>
public readonly record struct KeyValueScale(Int8Range Keys, Int8Range Values);
