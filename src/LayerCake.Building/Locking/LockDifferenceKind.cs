namespace LayerCake.Building;

/// <summary>What it is that differs from a lock record.</summary>
public enum LockDifferenceKind
{
    /// <summary>A variant of the matrix that is new or gone.</summary>
    Variant,

    /// <summary>A value of the recipe: <c>calibrate.samples</c>.</summary>
    Recipe,

    /// <summary>A file of an input, <c>model/config.json</c>, or an input as a whole.</summary>
    Input,

    /// <summary>A step that is new or gone.</summary>
    Step,

    /// <summary>Another field of a step's key: <c>calibrate.version</c>, <c>calibrate.environment.numerics</c>.</summary>
    StepField,
}
