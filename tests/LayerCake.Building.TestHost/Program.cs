using System.Runtime.InteropServices;
using LayerCake.Building;
using LayerCake.Building.TestHost;

// Runs the small build in a process of its own, so that tests can kill it, starve it of rights, or run two at once.
// Arguments: name=value pairs; see below.
var values = args.Select(argument => argument.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
// Loaded while this process may still read them: a checkout in a private folder is closed to the user it becomes.
_ = typeof(ArtifactStore).Assembly.GetTypes().Length + typeof(LayerCake.Recipes.IKeyWriter).Assembly.GetTypes().Length;
if (values.TryGetValue("user", out var user) && (Native.SetGroup(int.Parse(user)) != 0 || Native.SetUser(int.Parse(user)) != 0))
{
    Console.Error.WriteLine("cannot change the user");
    return 99;
}

if (values.TryGetValue("watch", out var started))
{
    // Lives until its parent dies; the file says that it is up, and goes when it was told.
    using var gone = new ManualResetEventSlim();
    using var watch = ParentWatch.Start(gone.Set, TimeSpan.FromSeconds(30));
    File.WriteAllText(started, Environment.ProcessId.ToString());
    if (gone.Wait(TimeSpan.FromMinutes(5)))
    {
        File.Delete(started);
    }

    return 0;
}

if (values.TryGetValue("start", out var child))
{
    // Starts a watching child and lives until it is killed.
    using var process = System.Diagnostics.Process.Start(Environment.ProcessPath!, [typeof(SmallBuild).Assembly.Location, $"watch={child}"]);
    process.WaitForExit();
    return 0;
}

try
{
    var time = values.TryGetValue("later", out var hours) ? new LaterTime(TimeSpan.FromHours(int.Parse(hours))) : TimeProvider.System;
    var options = StoreOptions.Default with { Time = time, ProgramVersion = "1.2.3", Faults = FaultHook.Parse(Environment.GetEnvironmentVariable(FaultHook.Variable)) };
    using var store = ArtifactStore.Open(values["store"], options);
    var build = new SmallBuild
    {
        Input = values["input"],
        RunLog = values.GetValueOrDefault("log"),
        Gate = values.GetValueOrDefault("gate"),
        Scale = int.Parse(values.GetValueOrDefault("scale", "3")),
        Title = values.GetValueOrDefault("title", "bundle"),
    };
    using var cache = values.TryGetValue("cache", out var shared) ? new SharedCache(new SimpleCache(shared), canWrite: true, new ConsoleReporter()) : null;
    if (values.ContainsKey("gc"))
    {
        var report = await new Collector(store).CollectAsync(new CollectLimits { MaxBytes = 0 }, []);
        Console.WriteLine($"removed {report.Removed.Count}");
        return 0;
    }

    if (values.TryGetValue("export", out var archive))
    {
        new StoreExporter(store).Export(archive, [.. StoreListing.Take(store, []).Results.Select(result => result.Key)]);
        return 0;
    }

    if (values.TryGetValue("import", out archive))
    {
        await new StoreImporter(store).ImportAsync(archive);
        return 0;
    }

    var plan = BuildPlan.Create(SmallBuild.Recipe, build.Steps(), store, cache);
    var results = await new StepRunner(store, new ConsoleReporter(), cache).RunAllAsync(plan);
    foreach (var result in results)
    {
        Console.WriteLine($"{result.Name}: {result.Outcome}, {result.Reason}");
    }

    if (values.TryGetValue("place", out var destination))
    {
        var place = new PlaceOptions { Exchange = values.GetValueOrDefault("exchange") != "no" };
        Console.WriteLine($"placed: {await store.PlaceAsync(results[^1].Tree, destination, place)}");
    }

    return 0;
}
catch (BuildException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

internal static partial class Native
{
    [LibraryImport("libc", EntryPoint = "setgid")]
    public static partial int SetGroup(int group);

    [LibraryImport("libc", EntryPoint = "setuid")]
    public static partial int SetUser(int user);
}

internal sealed class ConsoleReporter : IBuildReporter
{
    public void Line(string text) => Console.WriteLine(text);

    public void Warn(string text) => Console.WriteLine("warning: " + text);

    public void Progress(string what, long done, long total) => Console.WriteLine($"{what} {done}/{total}");

    public void Waiting(string what, LockOwner? owner) => Console.WriteLine($"waiting for {what}: {(owner is null ? "unknown" : owner.ToString())}");
}
