namespace LayerCake.Building;

/// <summary>How a step ended. A step that failed throws; nothing of it is stored.</summary>
public enum StepOutcome
{
    /// <summary>It ran, and its result is stored.</summary>
    Ran,

    /// <summary>Its result was in the store, and its content is right.</summary>
    Cached,

    /// <summary>Its result came from the shared cache, and its content is right.</summary>
    FromRemote,
}
