namespace LayerCake.Building.Tests;

public sealed class PlaceTests
{
    [Test]
    public async Task A_folder_that_holds_the_tree_already_is_not_touched()
    {
        using var fixture = new BuildFixture();
        var tree = (await fixture.RunAsync())[2].Tree;
        using var store = fixture.Open();
        await store.PlaceAsync(tree, fixture.At("out"));
        var before = FileStat.Of(fixture.At("out", "title"));

        Assert.That(store.IsPlaced(tree, fixture.At("out")), Is.True);
        Assert.That(await store.PlaceAsync(tree, fixture.At("out")), Is.EqualTo(PlaceOutcome.Untouched));
        Assert.That(FileStat.Of(fixture.At("out", "title")), Is.EqualTo(before));
    }

    [TestCase("edit")]
    [TestCase("edit keeping size and time")]
    [TestCase("add")]
    [TestCase("add folder")]
    [TestCase("delete")]
    [TestCase("mode")]
    [TestCase("link")]
    [TestCase("link for file")]
    public async Task A_folder_that_was_changed_is_put_right(string change)
    {
        using var fixture = new BuildFixture();
        var tree = (await fixture.RunAsync())[2].Tree;
        using var store = fixture.Open();
        await store.PlaceAsync(tree, fixture.At("out"));
        var before = Disk.Describe(fixture.At("out"));
        switch (change)
        {
            case "edit":
                File.AppendAllText(fixture.At("out", "title"), "x");
                break;
            case "edit keeping size and time":
                Disk.FlipByte(fixture.At("out", "title"), keepTime: true);
                break;
            case "add":
                File.WriteAllText(fixture.At("out", "data", "more"), "x");
                break;
            case "add folder":
                Directory.CreateDirectory(fixture.At("out", "more"));
                break;
            case "delete":
                File.Delete(fixture.At("out", "data", "1.txt"));
                break;
            case "mode":
                File.SetUnixFileMode(fixture.At("out", "run.sh"), UnixFileMode.UserRead);
                break;
            case "link":
                Directory.Delete(fixture.At("out", "model", "data"));
                File.CreateSymbolicLink(fixture.At("out", "model", "data"), "/");
                break;
            case "link for file":
                File.Move(fixture.At("out", "title"), fixture.At("title"));
                File.CreateSymbolicLink(fixture.At("out", "title"), fixture.At("title"));
                break;
        }

        Assert.That(Disk.Describe(fixture.At("out")), Is.Not.EqualTo(before));
        Assert.That(store.IsPlaced(tree, fixture.At("out")), Is.False);
        Assert.That(await store.PlaceAsync(tree, fixture.At("out")), Is.EqualTo(PlaceOutcome.Placed));
        Assert.That(Disk.Describe(fixture.At("out")), Is.EqualTo(before));
        Assert.That(Leftovers(fixture), Is.Empty);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Another_tree_takes_the_old_ones_place(bool exchange)
    {
        using var fixture = new BuildFixture();
        var first = (await fixture.RunAsync())[2].Tree;
        var second = (await fixture.RunAsync(fixture.Build(scale: 2)))[2].Tree;
        using var store = fixture.Open();
        var options = new PlaceOptions { Exchange = exchange };
        await store.PlaceAsync(first, fixture.At("out"), options);

        await store.PlaceAsync(second, fixture.At("out"), options);

        Assert.That(File.Exists(fixture.At("out", "data", "2.txt")), Is.False);
        Assert.That(await store.PlaceAsync(second, fixture.At("out")), Is.EqualTo(PlaceOutcome.Untouched));
        Assert.That(Leftovers(fixture), Is.Empty);
    }

    [Test]
    public async Task A_folder_of_the_users_own_is_replaced_only_when_asked_for()
    {
        using var fixture = new BuildFixture();
        var tree = (await fixture.RunAsync())[2].Tree;
        using var store = fixture.Open();
        Directory.CreateDirectory(fixture.At("out"));
        File.WriteAllText(fixture.At("out", "thesis.tex"), "years of work");

        Assert.That(async () => await store.PlaceAsync(tree, fixture.At("out")), Throws.InstanceOf<BuildException>().With.Message.EqualTo($"will not replace the folder {fixture.At("out")}: it was not made by this store; remove it or choose another folder"));
        Assert.That(File.ReadAllText(fixture.At("out", "thesis.tex")), Is.EqualTo("years of work"));
        Assert.That(await store.PlaceAsync(tree, fixture.At("out"), new PlaceOptions { ReplaceUnknown = true }), Is.EqualTo(PlaceOutcome.Placed));
    }

    [Test]
    public async Task An_empty_folder_is_filled_and_one_with_the_right_content_adopted()
    {
        using var fixture = new BuildFixture();
        var tree = (await fixture.RunAsync())[2].Tree;
        using var store = fixture.Open();
        Directory.CreateDirectory(fixture.At("out"));
        await store.PlaceAsync(tree, fixture.At("out"));
        Directory.Delete(Path.Combine(fixture.StoreRoot, "placed"), recursive: true);
        File.Delete(Path.Combine(fixture.StoreRoot, "stat", "1"));
        using var fresh = fixture.Open();

        Assert.That(await fresh.PlaceAsync(tree, fixture.At("out")), Is.EqualTo(PlaceOutcome.Untouched));
        File.AppendAllText(fixture.At("out", "title"), "x");
        Assert.That(await fresh.PlaceAsync(tree, fixture.At("out")), Is.EqualTo(PlaceOutcome.Placed), "adopted, it counts as placed");
    }

    [Test]
    public async Task A_damaged_blob_never_reaches_the_destination()
    {
        using var fixture = new BuildFixture();
        var result = (await fixture.RunAsync())[2];
        Disk.FlipByte(fixture.BlobOf(result, "title"));
        using var store = fixture.Open();

        Assert.That(async () => await store.PlaceAsync(result.Tree, fixture.At("out")), Throws.InstanceOf<BuildException>().With.Message.Contains("run the build again"));
        Assert.That(Directory.Exists(fixture.At("out")), Is.False);
        Assert.That(Leftovers(fixture), Is.Empty);
    }

    [Test]
    public async Task Editing_a_placed_file_does_not_change_the_store()
    {
        using var fixture = new BuildFixture();
        var result = (await fixture.RunAsync())[2];
        using var store = fixture.Open();
        await store.PlaceAsync(result.Tree, fixture.At("out"));

        File.AppendAllText(fixture.At("out", "title"), "x");

        Assert.That(store.Check(result.Tree, read: true, CancellationToken.None).Fault, Is.Null);
    }

    [Test]
    public async Task Editing_through_a_hard_link_is_noticed_by_the_next_build()
    {
        using var fixture = new BuildFixture();
        var result = (await fixture.RunAsync())[2];
        using (var store = fixture.Open())
        {
            await store.PlaceAsync(result.Tree, fixture.At("out"), new PlaceOptions { HardLinks = true });
            Assert.That(store.Check(result.Tree, read: false, CancellationToken.None), Is.EqualTo(new TreeState(null, 0)));
        }

        fixture.Runs();
        Disk.FlipByte(fixture.At("out", "title"));

        await fixture.RunAsync();

        Assert.That(fixture.Runs(), Is.EqualTo(new[] { "bundle" }));
    }

    [Test]
    public async Task A_file_at_the_destination_and_the_store_itself_are_refused()
    {
        using var fixture = new BuildFixture();
        var tree = (await fixture.RunAsync())[2].Tree;
        using var store = fixture.Open();

        Assert.That(async () => await store.PlaceAsync(tree, fixture.Input), Throws.InstanceOf<BuildException>().With.Message.Contains("a file of that name is there"));
        Assert.That(async () => await store.PlaceAsync(tree, fixture.StoreRoot), Throws.InstanceOf<BuildException>().With.Message.Contains("it holds or lies in the store"));
        Assert.That(async () => await store.PlaceAsync(tree, fixture.At("store", "cas")), Throws.InstanceOf<BuildException>().With.Message.Contains("it holds or lies in the store"));
        Assert.That(async () => await store.PlaceAsync(tree, fixture.At()), Throws.InstanceOf<BuildException>().With.Message.Contains("it holds or lies in the store"));
    }

    [Test]
    public async Task A_link_at_the_destination_stays_a_link()
    {
        using var fixture = new BuildFixture();
        var tree = (await fixture.RunAsync())[2].Tree;
        using var store = fixture.Open();
        Directory.CreateDirectory(fixture.At("big-disk"));
        Directory.CreateSymbolicLink(fixture.At("out"), fixture.At("big-disk"));

        await store.PlaceAsync(tree, fixture.At("out"));

        Assert.That(new DirectoryInfo(fixture.At("out")).LinkTarget, Is.EqualTo(fixture.At("big-disk")));
        Assert.That(File.Exists(fixture.At("big-disk", "title")), Is.True);
    }

    private static IEnumerable<string> Leftovers(BuildFixture fixture) => Directory.EnumerateFileSystemEntries(fixture.At(), ".*layercake*");
}
