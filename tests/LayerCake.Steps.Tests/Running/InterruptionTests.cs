using System.Runtime.Versioning;
using LayerCake.Building;
using LayerCake.Testing;

namespace LayerCake.Steps.Tests.Running;

/// <summary>Builds that are stopped, and builds that meet.</summary>
[TestFixture]
internal sealed class InterruptionTests
{
    [Test]
    public async Task A_build_stopped_in_every_step_in_turn_leaves_nothing_half_made_and_ends_with_the_same_package()
    {
        using var project = new DemoProject();
        var store = RecipeBuild.StoreFolder(project.Artifacts);
        (string Step, string Line)[] stops =
        [
            (StepNames.Calibrate, "Loading calibrate dataset"),
            (StepNames.Calibrate, "model.layers.2, samples: 2"),
            (StepNames.KvQparams, "Layer 3 MP 0 qparam"),
            (StepNames.AutoAwq, "model.layers.1 smooth weight done"),
            (StepNames.Convert, "create workspace in directory"),
            (StepNames.Package, "quant_policy 4"),
        ];
        foreach (var (step, line) in stops)
        {
            using var stop = new CancellationTokenSource();
            var reporter = new RecordingReporter
            {
                OnLine = text =>
                {
                    if (text.Contains(line, StringComparison.Ordinal))
                    {
                        stop.Cancel();
                    }
                },
            };

            await Assert.ThatAsync(() => DemoBuild.RunAsync(project.Open(), store, reporter, stop.Token), Throws.InstanceOf<OperationCanceledException>(), line);

            using (Assert.EnterMultipleScope())
            {
                Assert.That(reporter.Lines, Has.Some.Contains(line));
                Assert.That(project.Plan(store)[step].Record, Is.Null, line);
                Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(store, "tmp"), "*", SearchOption.AllDirectories).Where(File.Exists), Is.Empty, line);
                Assert.That(Directory.Exists(project.Open().OutputFolder), Is.False, line);
            }
        }

        var build = await project.BuildAsync();

        using (Assert.EnterMultipleScope())
        {
            // What was whole when a later step was stopped is kept.
            Assert.That(build.Ran, Is.EqualTo(new[] { StepNames.Package }));
            Assert.That(build.Package.Digest, Is.EqualTo(SharedBuild.Result.Package.Digest));
        }
    }

    [Test]
    public async Task Two_builds_of_one_recipe_at_once_run_each_step_once()
    {
        using var project = new DemoProject();
        var store = RecipeBuild.StoreFolder(project.Artifacts);

        var builds = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => DemoBuild.RunAsync(project.Open(), store))));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(builds.SelectMany(build => build.Ran), Is.EquivalentTo(SharedBuild.Result.Results.Select(step => step.Name)));
            Assert.That(builds.Select(build => build.Package.Digest), Is.All.EqualTo(SharedBuild.Result.Package.Digest));
            Assert.That(Folders.Digests(builds[0].Build.OutputFolder), Is.EqualTo(Folders.Digests(SharedBuild.Workspace)));
        }
    }

    [Test]
    [Platform("Linux")]
    [SupportedOSPlatform("linux")]
    public async Task Content_that_another_build_gives_a_second_name_while_it_is_read_is_not_taken_for_damaged()
    {
        using var folder = new TemporaryFolder(onDisk: true);
        Directory.CreateDirectory(folder.At("output"));
        await File.WriteAllBytesAsync(folder.At("output", "weights"), new byte[32 << 20]);
        StoredTree tree;
        using (var first = ArtifactStore.Open(folder.At("store")))
        {
            tree = first.Publish(folder.At("output"), CancellationToken.None);
        }

        // A second name moves the kernel's change time of a file; so does setting its mode, which needs no native code.
        var blob = Directory.EnumerateFiles(folder.At("store", "cas"), "*", SearchOption.AllDirectories).Single();
        using var stop = new CancellationTokenSource();
        using var busy = new ManualResetEventSlim();
        var renaming = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                File.SetUnixFileMode(blob, UnixFileMode.UserRead);
                busy.Set();
            }
        });
        busy.Wait();

        // It has not saved what it knows, so the second reads.
        using var second = ArtifactStore.Open(folder.At("store"));
        var state = second.Check(tree, read: true, CancellationToken.None);
        await stop.CancelAsync();
        await renaming;

        Assert.That((state.Fault, File.Exists(blob)), Is.EqualTo(((string?)null, true)));
    }
}
