namespace LayerCake.Recipes;

internal static class ConvertFields
{
    public static readonly IntegerChoiceField<TensorParallel> TensorParallel = new(
        "convert", "tensor_parallel", "Over how many GPUs each layer is split.", new TensorParallel(1), [1, 2, 4, 8, 16, 32, 64],
        value => new TensorParallel(value), parallel => parallel.Degree, "each layer is halved again and again, so only a power of two works")
    {
        Examples = ["1", "2"],
    };

    public static readonly ChoiceField<WeightType> WeightType = new(
        "convert", "weight_type",
        "Element type of 16-bit weights: auto is bfloat16 for a bfloat16 checkpoint, else float16. With auto_awq it stays auto, and weights are int4.",
        [("auto", Recipes.WeightType.Auto), ("float16", Recipes.WeightType.Float16), ("bfloat16", Recipes.WeightType.BFloat16)],
        Recipes.WeightType.Auto)
    {
        Refused =
        [
            ("int4", "weights become int4 by a step of their own; write auto, and add auto_awq"),
            ("fp16", "write float16"),
            ("bf16", "write bfloat16"),
        ],
        Examples = ["auto", "float16"],
    };
}
