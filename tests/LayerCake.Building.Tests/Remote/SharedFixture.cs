using LayerCake.Building.TestHost;

namespace LayerCake.Building.Tests;

/// <summary>Two machines, each with its own folders, and a cache between them. The first has built and written there.</summary>
internal sealed class SharedFixture : IDisposable
{
    public BuildFixture First { get; } = new();

    public BuildFixture Second { get; } = new();

    public string CacheFolder => First.At("cache");

    public static async Task<SharedFixture> CreateAsync(bool build = true)
    {
        var fixture = new SharedFixture();
        if (build)
        {
            await BuildAsync(fixture.First, new TwistedCache(fixture.CacheFolder), new Warnings());
        }

        return fixture;
    }

    public static async Task<IReadOnlyList<StepResult>> BuildAsync(
        BuildFixture machine, IRemoteCache remote, Warnings warnings, SmallBuild? build = null, bool canWrite = true, TimeProvider? time = null, string? force = null)
    {
        using var cache = new SharedCache(remote, canWrite, warnings, time);
        using var store = machine.Open();
        var plan = BuildPlan.Create(SmallBuild.Recipe, (build ?? machine.Build()).Steps(), store, cache);
        return await new StepRunner(store, warnings, cache).RunAllAsync(plan, forced: name => name == force);
    }

    public static BuildPlan Plan(BuildFixture machine, IRemoteCache remote, SmallBuild? build = null)
    {
        using var cache = new SharedCache(remote, canWrite: false, SilentReporter.Instance);
        using var store = machine.Open(readOnly: true);
        return BuildPlan.Create(SmallBuild.Recipe, (build ?? machine.Build()).Steps(), store, cache);
    }

    /// <summary>Every file of content in a store has the digest that it is named by.</summary>
    public static void AssertSound(BuildFixture machine)
    {
        var contents = Directory.EnumerateFiles(Path.Combine(machine.StoreRoot, "cas"), "*", SearchOption.AllDirectories).ToList();
        Assert.That(contents, Is.Not.Empty);
        Assert.That(contents.Where(path => Digest.Of(File.ReadAllBytes(path)).ToString() != Path.GetFileName(path)), Is.Empty, "nothing in the store is poisoned");
    }

    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
    }
}
