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

    public static readonly ChoiceField<CheckpointFormat> Format = new(
        "auto_awq", "format", "File format of the AWQ checkpoint: safetensors, or torch archives as LMDeploy 0.1.0 writes them.",
        [("safetensors", CheckpointFormat.Safetensors), ("bin", CheckpointFormat.Bin)], CheckpointFormat.Safetensors)
    {
        Examples = ["safetensors", "bin"],
    };
}
