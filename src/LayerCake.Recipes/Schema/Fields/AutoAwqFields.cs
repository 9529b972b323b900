namespace LayerCake.Recipes;

internal static class AutoAwqFields
{
    public static readonly IntegerChoiceField<BitWidth> Bits = new(
        "auto_awq", "bits", "Bits of a weight.", new BitWidth(4), [4], value => new BitWidth(value), bits => bits.Value,
        "AWQ checkpoints and the engine's kernels hold 4-bit weights only")
    {
        Examples = ["4"],
    };

    // LMDeploy v0.1.0 registers its 4-bit kernels for groups of 128 alone, and its convert shuffles other sizes wrongly.
    public static readonly IntegerChoiceField<GroupSize> GroupSize = new(
        "auto_awq", "group_size", "How many weights along the input share one scale and zero point.", new GroupSize(128), [128],
        value => new GroupSize(value), size => size.Value, "the engine has int4 kernels for groups of 128 only")
    {
        Examples = ["128"],
    };

    public static readonly ChoiceField<QuantizationMethod> Method = new(
        "auto_awq", "method", "How weights are quantized, in the same format: auto (gptq, and with effort best learned on a GPU and for small models), lmdeploy (LMDeploy v0.1.0's, bit for bit), "
        + "rtn (rounding to nearest, needs no calibration), awq (searched scales and ranges), gptq (the same with compensation of errors) or learned (what gptq finds, learned further).",
        [
            ("auto", QuantizationMethod.Auto), ("lmdeploy", QuantizationMethod.Lmdeploy), ("rtn", QuantizationMethod.Rtn), ("awq", QuantizationMethod.Awq),
            ("gptq", QuantizationMethod.Gptq), ("learned", QuantizationMethod.Learned),
        ],
        QuantizationMethod.Auto)
    {
        Examples = ["auto", "lmdeploy"],
    };

    public static readonly ChoiceField<QuantizationEffort> Effort = new(
        "auto_awq", "effort", "How much time quantizing may take.",
        [("fast", QuantizationEffort.Fast), ("balanced", QuantizationEffort.Balanced), ("best", QuantizationEffort.Best)], QuantizationEffort.Fast)
    {
        Examples = ["fast", "best"],
    };

    public static readonly KeepField Keep = new(
        "auto_awq", "keep", "Linears that shall stay 16-bit, by name. Workspaces of the known engines keep lm_head and can keep no linear of a layer.")
    {
        Examples = ["lm_head"],
    };

    public static readonly ChoiceField<CheckpointFormat> Format = new(
        "auto_awq", "format", "File format of the AWQ checkpoint: safetensors, or torch archives as LMDeploy 0.1.0 writes them.",
        [("safetensors", CheckpointFormat.Safetensors), ("bin", CheckpointFormat.Bin)], CheckpointFormat.Safetensors)
    {
        Examples = ["safetensors", "bin"],
    };
}
