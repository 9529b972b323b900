using LayerCake.Building;
using LayerCake.TurboMind;

namespace LayerCake.Steps.Tests.Package;

/// <summary>What package takes from convert, and what people get.</summary>
[TestFixture]
internal sealed class HandOverTests
{
    private const string Weights = "triton_models/weights/tok_embeddings.weight";

    [Test]
    [Platform("Linux")]
    public async Task Package_takes_convert_s_files_over_without_copying_them()
    {
        using var project = PackageTests.CopyOfBuilt();
        var store = RecipeBuild.StoreFolder(project.Artifacts);
        var inodes = new List<ulong>();
        var reporter = new RecordingReporter
        {
            OnLine = line =>
            {
                // package's one line, printed when its output is complete.
                if (line.Contains("quant_policy", StringComparison.Ordinal))
                {
                    inodes.AddRange(
                        from path in Directory.EnumerateFiles(Path.Combine(store, "tmp"), Path.GetFileName(Weights), SearchOption.AllDirectories)
                        where path.EndsWith("output/" + Weights, StringComparison.Ordinal)
                        select FileStat.Of(path)!.Value.Inode);
                }
            },
        };

        var build = await DemoBuild.RunAsync(project.Open("package.launch_files=false"), store, reporter);

        Assert.That(build.Ran, Is.EqualTo(new[] { StepNames.Package }));
        Assert.That(inodes, Is.EqualTo(new[] { FileStat.Of(Blob(store, build))!.Value.Inode }));
    }

    [Test]
    public async Task Editing_a_placed_workspace_does_not_touch_the_store_and_the_next_build_puts_it_back()
    {
        using var project = PackageTests.CopyOfBuilt();
        var first = await project.BuildAsync();
        var placed = Path.Combine(first.Build.OutputFolder, Weights);
        var configuration = WorkspacePaths.Configuration(first.Build.OutputFolder);
        var store = RecipeBuild.StoreFolder(project.Artifacts);
        var blob = Folders.DigestOf(Blob(store, first));

        await using (var file = new FileStream(placed, FileMode.Open, FileAccess.ReadWrite))
        {
            file.WriteByte(0x55);
        }

        File.AppendAllText(configuration, "mine = 1\n");
        File.WriteAllText(Path.Combine(first.Build.OutputFolder, "mine.txt"), "mine");
        var edited = Folders.DigestOf(placed);
        var second = await project.BuildAsync();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(edited, Is.Not.EqualTo(blob));
            Assert.That(Folders.DigestOf(Blob(store, first)), Is.EqualTo(blob));
            Assert.That(first.Ran.Concat(second.Ran), Is.Empty);
            Assert.That(Folders.Digests(second.Build.OutputFolder), Is.EqualTo(Folders.Digests(SharedBuild.Workspace)));
            Assert.That(FileStat.Of(placed)!.Value.Inode, Is.Not.EqualTo(FileStat.Of(Blob(store, first))!.Value.Inode));
        }
    }

    private static string Blob(string store, DemoBuild build)
    {
        var digest = build[StepNames.Convert].Tree.Entries.OfType<TreeEntry.File>().Single(file => file.Path.Value == Weights).Content.ToString();
        return Path.Combine(store, "cas", "sha256", digest[..2], digest);
    }
}
