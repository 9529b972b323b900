namespace LayerCake.Models;

/// <summary>How rotary positions are stretched beyond the trained length.</summary>
public enum RopeScalingKind
{
    None,

    /// <summary>Positions are divided by the factor, at every length.</summary>
    Linear,

    /// <summary>NTK-aware: the base grows, only for sequences longer than <see cref="ModelConfiguration.MaxPositionEmbeddings"/>.</summary>
    Dynamic,
}

/// <param name="Kind">Which stretching the configuration asks for.</param>
/// <param name="Factor">The stretching factor; 1 for <see cref="RopeScalingKind.None"/>.</param>
public sealed record RopeScaling(RopeScalingKind Kind, double Factor)
{
    public static RopeScaling None { get; } = new(RopeScalingKind.None, 1);
}
