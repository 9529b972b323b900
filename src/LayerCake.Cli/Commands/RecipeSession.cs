using LayerCake.Building;
using LayerCake.Steps;

namespace LayerCake.Cli.Commands;

/// <summary>What a command over a recipe works on: every variant of the recipe that was asked for, the store, the shared cache, the lock record.</summary>
internal sealed class RecipeSession : IDisposable
{
    /// <summary>The recipe's file.</summary>
    public required string File { get; init; }

    /// <summary>Whether the recipe has variants, even where only one of them was asked for.</summary>
    public required bool HasMatrix { get; init; }

    /// <summary>Whether <see cref="Builds"/> is all of the recipe.</summary>
    public required bool HasAll { get; init; }

    /// <summary>One a variant; one where there is no matrix.</summary>
    public required IReadOnlyList<RecipeBuild> Builds { get; init; }

    public required ArtifactStore Store { get; init; }

    /// <summary>Results of other machines; null for none.</summary>
    public required SharedCache? Cache { get; init; }

    /// <summary>What the build is held to; null unless asked for.</summary>
    public required LockRecord? Lock { get; init; }

    /// <summary>Whether <see cref="Builds"/> are stub runs.</summary>
    public required bool IsStub { get; init; }

    /// <summary>A folder that is only for this session; null where it needs none.</summary>
    public string? Scratch { get; init; }

    /// <summary>The file's name, without its ending; that of its stub, where it is one.</summary>
    public string Name => IsStub ? RecipeBuild.StubName(Path.GetFileNameWithoutExtension(File)) : Path.GetFileNameWithoutExtension(File);

    /// <summary>The plans of <see cref="Builds"/>.</summary>
    /// <exception cref="LockException">The lock record says otherwise.</exception>
    public IReadOnlyList<BuildPlan> Plan(CancellationToken token)
    {
        var plans = Builds.Select(build => BuildPlan.Create(build.Recipe.Name, build.Steps, Store, Cache, token)).ToList();
        Lock?.ThrowIfDifferent([.. Builds.Zip(plans, static (build, plan) => new LockSubject(build.Recipe, plan))], LockRecord.PathOf(File), HasAll);
        return plans;
    }

    /// <summary>Runs steps of this session.</summary>
    public StepRunner NewRunner(ArtifactStore store, IBuildReporter reporter) => new(store, reporter, Cache);

    public void Dispose()
    {
        Cache?.Dispose();
        Store.Dispose();
        if (Directory.Exists(Scratch))
        {
            Directory.Delete(Scratch, recursive: true);
        }
    }
}
