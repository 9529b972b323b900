using System.Text;
using CsCheck;
using LayerCake.Testing;

namespace LayerCake.Building.Tests;

public sealed class ArtifactStoreTests
{
    [Test]
    public async Task A_tree_comes_back_as_it_was_published()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        using var store = fixture.Open();

        var outcome = await store.PlaceAsync(results[^1].Tree, fixture.At("out"));

        Assert.That(outcome, Is.EqualTo(PlaceOutcome.Placed));
        Assert.That(results[^1].Tree.Entries.Select(entry => $"{entry.GetType().Name} {entry.Path}"), Is.EqualTo(new[]
        {
            "File data/0.txt", "File data/1.txt", "File data/2.txt", "Folder data/empty", "Link model/data", "File run.sh", "File title",
        }));
        Assert.That(File.ReadAllText(fixture.At("out", "model", "data", "1.txt")), Is.EqualTo("one two three\none two three\n"));
        Assert.That(File.GetUnixFileMode(fixture.At("out", "run.sh")).HasFlag(UnixFileMode.UserExecute), Is.True);
        Assert.That(File.GetUnixFileMode(fixture.At("out", "title")).HasFlag(UnixFileMode.UserWrite), Is.True);
        Assert.That(Directory.Exists(fixture.At("out", "data", "empty")), Is.True);
    }

    [Test]
    public async Task Blobs_are_read_only_and_shared_by_content()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();

        var blob = fixture.BlobOf(results[0], "parts/1.txt");

        Assert.That(fixture.BlobOf(results[2], "data/1.txt"), Is.EqualTo(blob));
        Assert.That(File.GetUnixFileMode(blob) & (UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite), Is.EqualTo(UnixFileMode.None));
    }

    [Test]
    public void Opening_and_asking_a_store_writes_nothing()
    {
        using var fixture = new BuildFixture();

        var plan = fixture.Plan();

        Assert.That(plan.Steps.Select(step => step.Reason), Is.All.EqualTo("never built"));
        Assert.That(Directory.Exists(fixture.StoreRoot), Is.False);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_flipped_byte_is_found_put_aside_and_built_again(bool keepTime)
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var blob = fixture.BlobOf(results[1], "sum");
        var before = Disk.DescribeStore(fixture.StoreRoot);
        fixture.Runs();
        Disk.FlipByte(blob, keepTime);

        var again = await fixture.RunAsync();

        Assert.That(fixture.Runs(), Is.EqualTo(new[] { "sums" }));
        Assert.That(again[1].Outcome, Is.EqualTo(StepOutcome.Ran));
        Assert.That(again[1].Reason, Does.Match(@"^blob [0-9a-f]{12} \(sum\) is damaged$"));
        Assert.That(Directory.GetFiles(Path.Combine(fixture.StoreRoot, "quarantine")), Has.Length.EqualTo(1));
        Assert.That(Disk.DescribeStore(fixture.StoreRoot), Is.EqualTo(before));
    }

    [Test]
    public async Task A_blob_with_another_length_counts_as_missing()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var blob = fixture.BlobOf(results[1], "sum");
        File.SetUnixFileMode(blob, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.AppendAllText(blob, "0");

        Assert.That(fixture.Plan().Steps[1].Reason, Does.Match(@"^blob [0-9a-f]{12} \(sum\) has 3 bytes, not 2$"));
        Assert.That((await fixture.RunAsync())[1].Outcome, Is.EqualTo(StepOutcome.Ran));
        Assert.That((await fixture.RunAsync())[1].Outcome, Is.EqualTo(StepOutcome.Cached));
    }

    [Test]
    public async Task A_missing_blob_is_named_by_the_plan_and_built_again()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var before = Disk.DescribeStore(fixture.StoreRoot);
        fixture.Runs();
        File.Delete(fixture.BlobOf(results[2], "title"));

        var plan = fixture.Plan();

        Assert.That(plan["bundle"].Outcome, Is.EqualTo(PlannedOutcome.Miss));
        Assert.That(plan["bundle"].Reason, Does.Match(@"^blob [0-9a-f]{12} \(title\) is missing$"));
        Assert.That(plan["sums"].Outcome, Is.EqualTo(PlannedOutcome.Hit));
        await fixture.RunAsync();
        Assert.That(fixture.Runs(), Is.EqualTo(new[] { "bundle" }));
        Assert.That(Disk.DescribeStore(fixture.StoreRoot), Is.EqualTo(before));
    }

    [Test]
    public async Task A_record_cut_off_anywhere_is_a_miss_and_is_repaired()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var record = Path.Combine(fixture.StoreRoot, "steps", "1", $"{results[2].Key}.json");
        var whole = File.ReadAllBytes(record);
        using var store = fixture.Open();
        for (var length = 0; length < whole.Length - 2; length += 7)
        {
            File.WriteAllBytes(record, whole[..length]);

            var found = store.Find(results[2].Key);

            Assert.That(found.Record, Is.Null);
            Assert.That(found.Fault, Does.Contain("is damaged: it is cut off or not JSON"));
        }

        fixture.Runs();
        await fixture.RunAsync();

        Assert.That(fixture.Runs(), Is.EqualTo(new[] { "bundle" }));
        Assert.That((await fixture.RunAsync())[2].Outcome, Is.EqualTo(StepOutcome.Cached));
    }

    [Test]
    public async Task A_record_with_any_byte_changed_never_gives_another_tree()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var record = Path.Combine(fixture.StoreRoot, "steps", "1", $"{results[2].Key}.json");
        var whole = File.ReadAllBytes(record);

        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Sample((at, value) =>
        {
            var changed = (byte[])whole.Clone();
            changed[at] = value;
            try
            {
                var read = StepRecordJson.Read(results[2].Key, changed);
                Assert.That(read.Tree.Digest, Is.EqualTo(results[2].Tree.Digest));
                Assert.That(read.Fields.Key, Is.EqualTo(results[2].Key));
            }
            catch (FormatException)
            {
            }
        }, iter: 2000, threads: 1);
    }

    [TestCase("\"path\": \"data/0.txt\"", "\"path\": \"../x\"", "'..'")]
    [TestCase("\"path\": \"data/0.txt\"", "\"path\": \"/etc/x\"", "rooted")]
    [TestCase("\"link\": \"../data\"", "\"link\": \"../../x\"", "leads out of the tree")]
    [TestCase("\"link\": \"../data\"", "\"link\": \"/etc\"", "goes up only at its start")]
    [TestCase("\"link\": \"../data\"", "\"link\": \"../a/../../x\"", "goes up only at its start")]
    [TestCase("\"path\": \"title\"", "\"path\": \"model/data/title\"", "is not a folder")]
    [TestCase("\"path\": \"title\"", "\"path\": \"run.sh\"", "twice")]
    [TestCase("\"size\": 10", "\"size\": -10", "negative size")]
    [TestCase("\"format\": 1", "\"format\": 2", "another format")]
    [TestCase("\"size\": 10", "\"size\": 11", "do not hash to its tree")]
    [TestCase("\"title\": \"bundle\"", "\"title\": \"other\"", "do not hash to its key")]
    [TestCase("\"run_seconds\"", "\"run_sec\"", "missing or of the wrong kind")]
    [TestCase("\"outputs\": [", "\"outputs\": [ [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "cut off or not JSON")]
    [TestCase("\"outputs\": [", "\"outputs\": 1, \"x\": [", "missing or of the wrong kind")]
    public async Task A_hostile_record_is_refused_with_the_reason(string old, string @new, string reason)
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var record = Path.Combine(fixture.StoreRoot, "steps", "1", $"{results[2].Key}.json");
        var text = File.ReadAllText(record);
        Assert.That(text, Does.Contain(old));
        var at = text.IndexOf(old, StringComparison.Ordinal);
        File.WriteAllText(record, text[..at] + @new + text[(at + old.Length)..]);
        using var store = fixture.Open();

        var found = store.Find(results[2].Key);

        Assert.That(found.Record, Is.Null);
        Assert.That(found.Fault, Does.Contain(reason));
        Assert.That((await fixture.RunAsync())[2].Outcome, Is.EqualTo(StepOutcome.Ran));
    }

    [Test]
    public void An_output_with_a_link_that_leads_out_is_refused()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        Directory.CreateDirectory(fixture.At("out"));
        File.CreateSymbolicLink(fixture.At("out", "passwd"), "/etc/passwd");

        Assert.That(() => store.Publish(fixture.At("out"), CancellationToken.None), Throws.InstanceOf<BuildException>().With.Message.Contains("The link 'passwd' points to '/etc/passwd'"));
    }

    [Test]
    public void A_file_that_a_step_only_linked_into_its_output_stays_as_it_is()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        Directory.CreateDirectory(fixture.At("out"));
        Assert.That(NativeMethods.Link(fixture.Input, fixture.At("out", "linked")), Is.Zero);
        var mode = File.GetUnixFileMode(fixture.Input);

        var tree = store.Publish(fixture.At("out"), CancellationToken.None);

        Assert.That(File.ReadAllText(fixture.BlobOf(tree, "linked")), Is.EqualTo("one two three\n"));
        Assert.That(File.GetUnixFileMode(fixture.Input), Is.EqualTo(mode));
        File.AppendAllText(fixture.Input, "more");
        Assert.That(store.Check(tree, read: true, CancellationToken.None).Fault, Is.Null);
    }

    [Test]
    public void Garbage_of_dead_builds_is_removed_and_foreign_files_stay()
    {
        using var fixture = new BuildFixture();
        var temporary = Path.Combine(fixture.StoreRoot, "tmp");
        Directory.CreateDirectory(Path.Combine(temporary, "build-dead", "1", "output"));
        File.WriteAllText(Path.Combine(temporary, "build-dead", "1", "output", "half"), "half");
        File.WriteAllText(Path.Combine(temporary, "build-dead.alive"), "");
        File.WriteAllText(Path.Combine(temporary, "mine.txt"), "of somebody else");
        using var living = fixture.Open();
        var folder = living.NewTemporaryFolder();

        using (var store = fixture.Open())
        {
            store.NewTemporaryFolder();
        }

        Assert.That(Directory.Exists(Path.Combine(temporary, "build-dead")), Is.False);
        Assert.That(File.Exists(Path.Combine(temporary, "build-dead.alive")), Is.False);
        Assert.That(File.Exists(Path.Combine(temporary, "mine.txt")), Is.True);
        Assert.That(Directory.Exists(folder), Is.True);
    }

    [TestCase("here", 0, false)]
    [TestCase("elsewhere", 0, true)]
    [TestCase("elsewhere", 2, false)]
    public void Where_locks_do_not_work_files_of_a_process_elsewhere_are_kept_for_a_day(string host, int days, bool kept)
    {
        using var fixture = new BuildFixture();
        var temporary = Path.Combine(fixture.StoreRoot, "tmp");
        Directory.CreateDirectory(Path.Combine(temporary, "build-x"));
        // A process that ended long ago, with no lock on its file.
        var owner = new LockOwner(host == "here" ? Environment.MachineName : host, Environment.ProcessId, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
        File.WriteAllBytes(Path.Combine(temporary, "build-x.alive"), owner.ToJson());
        File.SetLastWriteTimeUtc(Path.Combine(temporary, "build-x.alive"), DateTime.UtcNow.AddDays(-days));
        using var store = fixture.Open();

        store.Sweep();

        Assert.That(Directory.Exists(Path.Combine(temporary, "build-x")), Is.EqualTo(kept));
    }

    [Test]
    public void Where_locks_do_not_work_files_of_a_living_process_here_are_kept()
    {
        using var fixture = new BuildFixture();
        var temporary = Path.Combine(fixture.StoreRoot, "tmp");
        Directory.CreateDirectory(Path.Combine(temporary, "build-x"));
        File.WriteAllBytes(Path.Combine(temporary, "build-x.alive"), LockOwner.This(TimeProvider.System).ToJson());
        using var store = fixture.Open();

        store.Sweep();

        Assert.That(Directory.Exists(Path.Combine(temporary, "build-x")), Is.True);
    }

    [Test]
    public async Task After_a_build_nothing_temporary_is_left()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();

        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(fixture.StoreRoot, "tmp")), Is.Empty);
        Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(fixture.StoreRoot, "locks")), Is.Empty);
    }

    [Test]
    public async Task Records_of_another_format_are_left_alone()
    {
        using var fixture = new BuildFixture();
        Directory.CreateDirectory(Path.Combine(fixture.StoreRoot, "steps", "0"));
        File.WriteAllText(Path.Combine(fixture.StoreRoot, "steps", "0", "x.json"), "an older format");

        await fixture.RunAsync();

        Assert.That(File.ReadAllText(Path.Combine(fixture.StoreRoot, "steps", "0", "x.json")), Is.EqualTo("an older format"));
    }

    [Test]
    public void A_file_in_place_of_the_store_is_refused()
    {
        using var fixture = new BuildFixture();

        Assert.That(() => ArtifactStore.Open(fixture.Input), Throws.InstanceOf<BuildException>().With.Message.EndsWith("it is a file; remove it or choose another folder"));
    }

    [Test]
    public void A_store_opened_for_reading_refuses_to_write()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open(readOnly: true);

        Assert.That(() => store.NewTemporaryFolder(), Throws.InstanceOf<BuildException>().With.Message.Contains("for reading only"));
    }

    [Test]
    public async Task Empty_and_large_files_are_stored()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        Directory.CreateDirectory(fixture.At("out"));
        var large = new byte[(3 << 20) + 17];
        new Random(1).NextBytes(large);
        File.WriteAllBytes(fixture.At("out", "large"), large);
        File.WriteAllBytes(fixture.At("out", "block"), large[..(1 << 20)]);
        File.WriteAllBytes(fixture.At("out", "two"), large[..(2 << 20)]);
        File.WriteAllBytes(fixture.At("out", "empty"), []);
        File.WriteAllText(fixture.At("out", "ü…"), "text", Encoding.UTF8);

        var tree = store.Publish(fixture.At("out"), CancellationToken.None);

        await store.PlaceAsync(tree, fixture.At("placed"));
        Assert.That(tree.Entries.OfType<TreeEntry.File>().Single(file => file.Path.Value == "large").Content, Is.EqualTo(Digest.Of(large)));
        Assert.That(tree.Entries.OfType<TreeEntry.File>().Single(file => file.Path.Value == "two").Content, Is.EqualTo(Digest.Of(large.AsSpan(0, 2 << 20))));
        Assert.That(File.ReadAllBytes(fixture.At("placed", "large")), Elements.AreThoseOf(large));
        Assert.That(new FileInfo(fixture.At("placed", "empty")).Length, Is.Zero);
    }
}
