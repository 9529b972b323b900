namespace LayerCake.TurboMind;

/// <summary>What the linear layers of a workspace hold. Everything else in an int4 workspace is float16.</summary>
public enum WeightType
{
    Float16,
    BFloat16,
    Int4,
}

public static class WeightTypeNames
{
    /// <summary>The value of config.ini's <c>weight_type</c>: fp16, bf16 or int4.</summary>
    public static string ConfigurationName(this WeightType type) => type switch
    {
        WeightType.Float16 => "fp16",
        WeightType.BFloat16 => "bf16",
        WeightType.Int4 => "int4",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>The value of the console line <c>output_format</c>: fp16, bf16 or w4.</summary>
    public static string OutputFormatName(this WeightType type) => type == WeightType.Int4 ? "w4" : type.ConfigurationName();
}
