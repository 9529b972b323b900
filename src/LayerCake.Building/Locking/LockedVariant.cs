namespace LayerCake.Building;

/// <summary>One variant of a recipe; the only one where it has no matrix.</summary>
/// <param name="Name">The recipe's name.</param>
/// <param name="Recipe">The effective recipe, as far as it decides bytes.</param>
/// <param name="Steps">Its steps with their keys, sorted by name.</param>
public sealed record LockedVariant(string Name, KeyDocument Recipe, IReadOnlyList<KeyValuePair<string, StepKey>> Steps);
