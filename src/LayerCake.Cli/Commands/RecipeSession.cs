using LayerCake.Building;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>What a command over a recipe works on: every variant of the recipe, and the store.</summary>
/// <param name="Name">The recipe file's name, without its ending.</param>
/// <param name="HasMatrix">Whether the recipe has variants, even where only one of them was asked for.</param>
/// <param name="Builds">One a variant; one where there is no matrix.</param>
/// <param name="Store">Closed with this.</param>
/// <param name="Cache">Results of other machines; null for none. Closed with this.</param>
internal sealed record RecipeSession(string Name, bool HasMatrix, IReadOnlyList<RecipeBuild> Builds, ArtifactStore Store, SharedCache? Cache) : IDisposable
{
    public BuildPlan Plan(RecipeBuild build, CancellationToken token) => BuildPlan.Create(build.Recipe.Name, build.Steps, Store, Cache, token);

    public void Dispose()
    {
        Cache?.Dispose();
        Store.Dispose();
    }
}
