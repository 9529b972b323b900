using System.Diagnostics.CodeAnalysis;

namespace LayerCake.Recipes;

internal static class ExecutionFields
{
    public static readonly ChoiceField<DeviceChoice> Device = new(
        "execution", "device", "Where tensors are computed: auto is a GPU when libtorch finds one.",
        [("auto", DeviceChoice.Auto), ("cpu", DeviceChoice.Cpu), ("cuda", DeviceChoice.Cuda)], DeviceChoice.Auto)
    {
        Examples = ["auto", "cpu"],
    };

    public static readonly TextField<ByteCount?> MemoryBudget = new(
        "execution", "memory_budget", "The most memory of this machine that a step may plan for. Left out: no limit.",
        ParseBudget, budget => budget?.ToString() ?? "", null)
    {
        Rule = "a size such as '8 GiB' (a whole number and MB, MiB, GB, GiB, TB or TiB)",
        Patterns = [ByteCount.Pattern],
        Examples = ["8 GiB", "1500 MB"],
    };

    private static bool ParseBudget(string text, [NotNullWhen(true)] out ByteCount? budget, out string problem)
    {
        var read = ByteCount.TryParse(text, out var count);
        budget = count;
        problem = read ? "" : $"is '{Quoting.Clip(text)}'; it must be a size such as '8 GiB' (a whole number and MB, MiB, GB, GiB, TB or TiB)";
        return read;
    }
}
