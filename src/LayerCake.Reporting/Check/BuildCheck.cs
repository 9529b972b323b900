using LayerCake.Building;

namespace LayerCake.Reporting;

/// <summary>Builds a recipe again in a store of its own and compares every step's result with the one in the real store: the test for determinism.</summary>
public static class BuildCheck
{
    /// <summary>
    /// Runs all steps anew, one after another, nothing taken from any cache, and stops at the first whose result is not the stored one: what comes after it has
    /// other inputs.
    /// </summary>
    /// <param name="plan">Of the recipe, against the real store; every step's result must be there.</param>
    /// <param name="steps">The plan's steps.</param>
    /// <param name="store">The real store; nothing is written to it.</param>
    /// <param name="scratch">A folder for the second build, on the disk of the artifacts; made here, and removed in the end.</param>
    /// <param name="reporter">Gets what the steps say.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="BuildException">A step has no result to compare with, or another check works in the folder.</exception>
    public static async Task<BuildCheckResult> RunAsync(
        BuildPlan plan, IReadOnlyList<IBuildStep> steps, ArtifactStore store, string scratch, IBuildReporter reporter, CancellationToken token = default)
    {
        if (plan.Steps.FirstOrDefault(step => step.Record is null) is { } missing)
        {
            throw new BuildException($"{missing.Name} has no result in the store to compare with ({missing.Reason}); build {plan.RecipeName} first");
        }

        using var held = Hold(scratch);
        Remove(scratch);
        try
        {
            using var fresh = ArtifactStore.Open(Path.Combine(scratch, "store"), new StoreOptions { Time = store.Time });
            var again = BuildPlan.Create(plan.RecipeName, steps, fresh, token);
            var runner = new StepRunner(fresh, reporter);
            var compared = new List<string>();
            foreach (var step in again.Steps)
            {
                var before = plan[step.Name];
                if (step.Key != before.Key)
                {
                    throw new BuildException($"{step.Name}: an input changed between the two builds; check again when nothing writes to it");
                }

                var result = await runner.RunAsync(again, step.Name, token: token).ConfigureAwait(false);
                compared.Add(step.Name);
                if (result.Tree.Digest != before.Record!.Tree.Digest)
                {
                    return new BuildCheckResult(compared, await CompareAsync(step.Name, before.Record.Tree, store, result.Tree, fresh, scratch, token).ConfigureAwait(false));
                }
            }

            return new BuildCheckResult(compared, null);
        }
        finally
        {
            Remove(scratch);
        }
    }

    private static async Task<CheckFailure> CompareAsync(
        string step, StoredTree stored, ArtifactStore store, StoredTree made, ArtifactStore fresh, string scratch, CancellationToken token)
    {
        var (a, b) = (Path.Combine(scratch, "stored"), Path.Combine(scratch, "again"));
        var options = new PlaceOptions { HardLinks = true };
        await store.PlaceAsync(stored, a, options, token).ConfigureAwait(false);
        await fresh.PlaceAsync(made, b, options, token).ConfigureAwait(false);
        var before = stored.Entries.ToDictionary(entry => entry.Path);
        var after = made.Entries.ToDictionary(entry => entry.Path);
        var file = before.Keys.Union(after.Keys).Order().First(path => before.GetValueOrDefault(path) != after.GetValueOrDefault(path));
        return new CheckFailure(step, file.Value, PackageDiff.Compare(a, b, token));
    }

    private static FileStream Hold(string scratch)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(scratch)!);
            return new FileStream(scratch + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BuildException($"cannot check in {scratch}: {exception.Message.TrimEnd('.')}; wait for the other check of this recipe, or make the folder writable", exception);
        }
    }

    private static void Remove(string scratch)
    {
        try
        {
            if (Directory.Exists(scratch))
            {
                Directory.Delete(scratch, recursive: true);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BuildException($"cannot remove {scratch}: {exception.Message.TrimEnd('.')}; remove it by hand", exception);
        }
    }
}
