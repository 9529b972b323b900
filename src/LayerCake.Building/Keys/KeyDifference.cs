namespace LayerCake.Building;

/// <summary>One named field whose value differs between two keys.</summary>
/// <param name="Field">The field's name with its groups, joined by dots: <c>recipe.calibrate.samples</c>.</param>
/// <param name="Old">The old value as text; null where the field is new.</param>
/// <param name="New">The new value as text; null where the field is gone.</param>
public sealed record KeyDifference(string Field, string? Old, string? New);
