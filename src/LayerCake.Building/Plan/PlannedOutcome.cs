namespace LayerCake.Building;

/// <summary>What a step will do when it is run.</summary>
public enum PlannedOutcome
{
    /// <summary>Its result is in the store.</summary>
    Hit,

    /// <summary>It will run.</summary>
    Miss,

    /// <summary>Its result is in the shared cache and will be fetched.</summary>
    Remote,
}
