namespace LayerCake.Reconstruction;

/// <summary>What each method does at each effort (docs/quantization.md has the measurements behind the numbers).</summary>
internal static class MethodSettings
{
    private static readonly ClippingGrid Coarse = new(10, 0.5f, 0);
    private static readonly ClippingGrid Fine = new(20, 0.5f, 2);

    public static SolverSettings Of(ReconstructionMethod method, ReconstructionEffort effort, int groupSize) => method switch
    {
        ReconstructionMethod.Rtn => new SolverSettings { GroupSize = groupSize },
        ReconstructionMethod.Awq => new SolverSettings
        {
            GroupSize = groupSize,
            ScaleSteps = effort == ReconstructionEffort.Fast ? 10 : 20,
            SearchClipping = Coarse,
            Clipping = Fine,
            TokensPerChannel = TokensOf(effort),
        },
        ReconstructionMethod.Learned => Of(ReconstructionMethod.Gptq, ReconstructionEffort.Balanced, groupSize) with
        {
            TokensPerChannel = TokensOf(effort),
            Learning = new LearningSettings { Steps = effort switch { ReconstructionEffort.Fast => 12, ReconstructionEffort.Balanced => 24, _ => 240 } },
        },
        _ => new SolverSettings
        {
            GroupSize = groupSize,
            ScaleSteps = effort == ReconstructionEffort.Fast ? 5 : 10,
            SearchClipping = effort == ReconstructionEffort.Fast ? ClippingGrid.None : Coarse,
            Clipping = Fine,
            Compensates = true,
            DescentPasses = effort switch { ReconstructionEffort.Fast => 4, ReconstructionEffort.Balanced => 6, _ => 12 },
            FollowsFloatModel = effort != ReconstructionEffort.Fast,
            TokensPerChannel = TokensOf(effort),
        },
    };

    private static int TokensOf(ReconstructionEffort effort) => effort switch
    {
        ReconstructionEffort.Fast => 22,
        ReconstructionEffort.Balanced => 43,
        _ => int.MaxValue,
    };
}
