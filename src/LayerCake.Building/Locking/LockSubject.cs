using LayerCake.Recipes;

namespace LayerCake.Building;

/// <summary>What a lock record is made from or held against: a recipe, or one variant of it, with its plan.</summary>
public sealed record LockSubject(Recipe Recipe, BuildPlan Plan);
