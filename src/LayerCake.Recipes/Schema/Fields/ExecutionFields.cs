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

    public static readonly TextField<Duration?> Timeout = new(
        "execution", "timeout", "How long one step may take. Left out: any time.", ParseTimeout, timeout => timeout?.ToString() ?? "", null)
    {
        Rule = "a time such as '2 h' (a whole number and s, min or h)",
        Patterns = [Duration.Pattern],
        Examples = ["2 h", "90 min"],
    };

    public static readonly IntegerField<int> Retries = new(
        "execution", "retries", "How often a step is tried again when it failed for a reason that may pass: a disk or GPU error, no memory, its timeout.", 0, 0, 10)
    {
        Examples = ["2", "0"],
    };

    public static readonly ChoiceField<PlacementChoice> Placement = new(
        "execution", "placement", "How the finished workspace gets into its folder: copy, or link for second names of the store's own files, which are read-only.",
        [("copy", PlacementChoice.Copy), ("link", PlacementChoice.Link)], PlacementChoice.Copy)
    {
        Examples = ["link", "copy"],
    };

    private static bool ParseTimeout(string text, [NotNullWhen(true)] out Duration? timeout, out string problem)
    {
        var read = Duration.TryParse(text, out var time);
        timeout = time;
        problem = read ? "" : $"is '{Quoting.Clip(text)}'; it must be a time such as '2 h' (a whole number and s, min or h)";
        return read;
    }

    private static bool ParseBudget(string text, [NotNullWhen(true)] out ByteCount? budget, out string problem)
    {
        var read = ByteCount.TryParse(text, out var count);
        budget = count;
        problem = read ? "" : $"is '{Quoting.Clip(text)}'; it must be a size such as '8 GiB' (a whole number and MB, MiB, GB, GiB, TB or TiB)";
        return read;
    }
}
