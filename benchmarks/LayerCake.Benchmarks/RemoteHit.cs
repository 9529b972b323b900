using System.Diagnostics;
using System.Globalization;
using LayerCake.Building;
using LayerCake.Recipes;

namespace LayerCake.Benchmarks;

/// <summary>
/// A step whose result lies in a remote cache, brought into an empty store: looked up, fetched, hashed, flushed to the disk, recorded. <c>cache.sh</c> compares it
/// with curl, which only writes the files.
/// </summary>
internal static class RemoteHit
{
    /// <summary>Builds the step in a store of its own and writes it to the cache, or fetches it from there; prints the seconds.</summary>
    /// <param name="verb"><c>fill</c> or <c>hit</c>.</param>
    /// <param name="location">Of the cache.</param>
    /// <param name="folder">For the store, which is made anew.</param>
    /// <param name="files">How many files the result has.</param>
    /// <param name="megabytes">Size of each in MiB.</param>
    public static async Task RunAsync(string verb, string location, string folder, int files, int megabytes)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        using var store = ArtifactStore.Open(folder);
        using var cache = new SharedCache(LayerCake.RemoteCaches.RemoteCaches.Open(location), canWrite: verb == "fill", SilentReporter.Instance);
        var plan = BuildPlan.Create("benchmark", [new RandomStep(files, megabytes)], store, cache);
        var watch = Stopwatch.StartNew();
        var result = await new StepRunner(store, SilentReporter.Instance, cache).RunAsync(plan, "random");
        var seconds = watch.Elapsed.TotalSeconds;
        if (result.Outcome != (verb == "fill" ? StepOutcome.Ran : StepOutcome.FromRemote))
        {
            throw new InvalidOperationException($"{verb} ended as {result.Outcome}: {result.Reason}");
        }

        Console.WriteLine(seconds.ToString("0.000", CultureInfo.InvariantCulture));
        foreach (var file in result.Tree.Entries.OfType<TreeEntry.File>())
        {
            Console.WriteLine(file.Content);
        }
    }

    private sealed class RandomStep(int files, int megabytes) : IBuildStep
    {
        public string Name => "random";

        public int Version => 1;

        public IReadOnlyList<string> DependsOn => [];

        public IReadOnlyList<StepInput> Inputs => [];

        public void AddTo(IKeyWriter key) => key.AddNested("random", group =>
        {
            group.Add("files", files);
            group.Add("megabytes", megabytes);
        });

        public async Task RunAsync(StepContext context, CancellationToken token)
        {
            var block = new byte[1 << 20];
            var random = new Random(1);
            for (var file = 0; file < files; file++)
            {
                await using var stream = File.Create(Path.Combine(context.OutputFolder, file.ToString(CultureInfo.InvariantCulture)));
                for (var i = 0; i < megabytes; i++)
                {
                    random.NextBytes(block);
                    await stream.WriteAsync(block, token);
                }
            }
        }
    }
}
