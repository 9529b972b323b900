using System.Formats.Tar;
using CsCheck;
using LayerCake.Testing;

namespace LayerCake.Building.Tests;

/// <summary>Results as one file: the same bytes for the same results, and nothing taken that is not right to the last bit.</summary>
public sealed class ArchiveTests
{
    private BuildFixture _source = null!;
    private IReadOnlyList<StepResult> _results = null!;
    private string _archive = null!;

    [OneTimeSetUp]
    public async Task ExportAll()
    {
        _source = new BuildFixture();
        _results = await _source.RunAsync();
        _archive = _source.At("all.tar");
        using var store = _source.Open(readOnly: true);
        new StoreExporter(store).Export(_archive, [.. _results.Select(result => result.Key)]);
    }

    [OneTimeTearDown]
    public void RemoveFolders() => _source.Dispose();

    [Test]
    public async Task What_is_imported_is_what_was_exported_and_nothing_runs()
    {
        using var target = new BuildFixture();
        using (var store = target.Open())
        {
            var report = await new StoreImporter(store).ImportAsync(_archive);
            Assert.That((report.Results, report.Present), Is.EqualTo((3, 0)));
            Assert.That((await new StoreImporter(store).ImportAsync(_archive)).Present, Is.EqualTo(3));
        }

        Assert.That(Disk.DescribeStore(target.StoreRoot), Is.EqualTo(Disk.DescribeStore(_source.StoreRoot)));
        Assert.That((await target.RunAsync()).Select(result => result.Outcome), Is.All.EqualTo(StepOutcome.Cached));
        Assert.That(target.Runs(), Is.Empty);
    }

    [Test]
    public async Task The_same_results_give_the_same_bytes_on_another_machine()
    {
        using var target = new BuildFixture();
        using var store = target.Open();
        await new StoreImporter(store).ImportAsync(_archive);

        new StoreExporter(store).Export(target.At("again.tar"), [.. _results.Reverse().Select(result => result.Key)]);

        Assert.That(File.ReadAllBytes(target.At("again.tar")), Elements.AreThoseOf(File.ReadAllBytes(_archive)));
    }

    [Test]
    public void One_result_brings_those_it_was_made_from()
    {
        using var store = _source.Open(readOnly: true);

        var report = new StoreExporter(store).Export(_source.At("one.tar"), [_results[1].Key]);

        Assert.That(report.Results, Is.EqualTo(2), "sums and numbers");
    }

    [Test]
    public void A_result_that_is_not_there_is_refused_and_the_old_archive_stays()
    {
        var path = _source.At("old.tar");
        File.WriteAllText(path, "old");
        using var store = _source.Open(readOnly: true);

        Assert.That(
            () => new StoreExporter(store).Export(path, [new StepKey(Digest.Of("x"))]),
            Throws.InstanceOf<BuildException>().With.Message.Contains("it is not in the store"));
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Directory.EnumerateFiles(_source.At(), "*.tmp"), Is.Empty);
    }

    [Test]
    public async Task Importing_only_adds()
    {
        using var target = new BuildFixture();
        await target.RunAsync();
        var before = File.ReadAllBytes(Directory.EnumerateFiles(Path.Combine(target.StoreRoot, "steps", "1")).First());
        using var store = target.Open();

        await new StoreImporter(store).ImportAsync(_archive);

        Assert.That(File.ReadAllBytes(Directory.EnumerateFiles(Path.Combine(target.StoreRoot, "steps", "1")).First()), Is.EqualTo(before));
    }

    private static IEnumerable<TestCaseData> Hostile()
    {
        var content = "evil"u8.ToArray();
        var digest = Digest.Of(content);
        var name = $"cas/sha256/{digest.ToString()[..2]}/{digest}";
        yield return Case("a path that leads out", tar => Add(tar, "../../evil", content), "'../../evil' in it is neither content nor a record");
        yield return Case("a rooted path", tar => Add(tar, "/etc/evil", content), "is neither content nor a record");
        yield return Case("a path that leads out below the content", tar => Add(tar, $"cas/sha256/../{digest}", content), "is neither content nor a record");
        yield return Case("a foreign name", tar => Add(tar, "gate", content), "is neither content nor a record");
        yield return Case("a link", tar => tar.WriteEntry(new GnuTarEntry(TarEntryType.SymbolicLink, name) { LinkName = "/etc/passwd" }), "is not a file");
        yield return Case("a hard link", tar => tar.WriteEntry(new GnuTarEntry(TarEntryType.HardLink, name) { LinkName = "layercake-store" }), "is not a file");
        yield return Case("a folder", tar => tar.WriteEntry(new GnuTarEntry(TarEntryType.Directory, "cas")), "is not a file");
        yield return Case("a device", tar => tar.WriteEntry(new GnuTarEntry(TarEntryType.CharacterDevice, name)), "is not a file");
        yield return Case("content of another digest", tar => Add(tar, name, "other"u8.ToArray()), "is damaged");
        yield return Case("content twice", tar =>
        {
            Add(tar, name, content);
            Add(tar, name, content);
        }, "twice");
        yield return Case("a record that is none", tar => Add(tar, $"steps/1/{digest}.json", content), "the record");
        yield return Case("control characters", tar => Add(tar, "a\u001b[2Jb", content), "'a?[2Jb' in it");
    }

    [TestCaseSource(nameof(Hostile))]
    public void A_hostile_archive_is_refused_and_nothing_of_it_is_a_result(Action<TarWriter> write, string message)
    {
        using var target = new BuildFixture();
        var path = target.At("hostile.tar");
        using (var stream = File.Create(path))
        using (var tar = new TarWriter(stream, TarEntryFormat.Gnu))
        {
            Add(tar, "layercake-store", "1\n"u8.ToArray());
            write(tar);
        }

        using var store = target.Open();

        Assert.That(
            async () => await new StoreImporter(store).ImportAsync(path),
            Throws.InstanceOf<BuildException>().With.Message.StartsWith($"cannot import {path}: ").And.Message.Contains(message).And.Message.EndsWith("; no result was taken from it"));
        Assert.That(Directory.Exists(Path.Combine(target.StoreRoot, "steps")), Is.False);
        Assert.That(Directory.Exists(target.At("evil")) || File.Exists(target.At("evil")), Is.False);
    }

    [TestCase("", "it is empty")]
    [TestCase("hello", "damaged, cut off or not an archive")]
    public void What_is_no_archive_is_refused(string content, string message)
    {
        using var target = new BuildFixture();
        File.WriteAllText(target.At("x.tar"), content);
        using var store = target.Open();

        Assert.That(async () => await new StoreImporter(store).ImportAsync(target.At("x.tar")), Throws.InstanceOf<BuildException>().With.Message.Contains(message));
    }

    [Test]
    public void An_archive_of_another_form_and_a_result_without_content_are_refused()
    {
        using var target = new BuildFixture();
        using (var stream = File.Create(target.At("form.tar")))
        using (var tar = new TarWriter(stream, TarEntryFormat.Gnu))
        {
            Add(tar, "layercake-store", "2\n"u8.ToArray());
        }

        using (var from = new TarReader(File.OpenRead(_archive)))
        using (var stream = File.Create(target.At("bare.tar")))
        using (var tar = new TarWriter(stream, TarEntryFormat.Gnu))
        {
            while (from.GetNextEntry() is { } entry)
            {
                if (!entry.Name.StartsWith("cas/", StringComparison.Ordinal))
                {
                    tar.WriteEntry(entry);
                }
            }
        }

        using var store = target.Open();
        Assert.That(async () => await new StoreImporter(store).ImportAsync(target.At("form.tar")), Throws.InstanceOf<BuildException>().With.Message.Contains("another version of LayerCake"));
        Assert.That(async () => await new StoreImporter(store).ImportAsync(target.At("bare.tar")), Throws.InstanceOf<BuildException>().With.Message.Contains("is not whole: blob "));
        Assert.That(Directory.Exists(Path.Combine(target.StoreRoot, "steps")), Is.False);
    }

    [Test]
    public void Bytes_changed_or_cut_off_anywhere_never_give_a_wrong_store()
    {
        var whole = File.ReadAllBytes(_archive);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte[1, 255], Gen.Bool).Sample(
            (at, bits, cut) =>
            {
                using var target = new BuildFixture();
                var bytes = whole.ToArray();
                bytes[at] ^= bits;
                File.WriteAllBytes(target.At("x.tar"), cut ? bytes[..at] : bytes);
                using var store = target.Open();
                try
                {
                    new StoreImporter(store).ImportAsync(target.At("x.tar")).GetAwaiter().GetResult();
                }
                catch (BuildException)
                {
                    // Refused; whatever was taken before is right.
                }

                return StoreListing.Take(store, []).Results.All(result => result.Fault is null) && new StoreVerifier(store).VerifyAsync().GetAwaiter().GetResult().IsSound;
            },
            iter: 150);
    }

    [TestCase(FaultPoints.ImportContent)]
    [TestCase($"{FaultPoints.ImportContent}:3")]
    [TestCase(FaultPoints.ImportRecord)]
    [TestCase($"{FaultPoints.ImportRecord}:3")]
    public async Task An_import_killed_anywhere_and_repeated_is_whole(string fault)
    {
        using var target = new BuildFixture();
        var killed = await ChildProcess.RunAsync(target, fault, $"import={_archive}");
        Assert.That(killed.ExitCode, Is.EqualTo(128 + 9), killed.Output);
        Assert.That(target.Plan().Steps.Select(step => step.Reason), Is.All.AnyOf("never built", "up to date", "up to date; its content will be checked"));

        using var store = target.Open();
        await new StoreImporter(store).ImportAsync(_archive);

        Assert.That(Disk.DescribeStore(target.StoreRoot), Is.EqualTo(Disk.DescribeStore(_source.StoreRoot)));
    }

    [Test]
    public async Task An_export_killed_before_its_end_leaves_the_old_archive()
    {
        var path = _source.At("killed.tar");
        File.WriteAllText(path, "old");

        var killed = await ChildProcess.RunAsync(_source, FaultPoints.ExportWritten, $"export={path}");

        Assert.That(killed.ExitCode, Is.EqualTo(128 + 9), killed.Output);
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
    }

    private static TestCaseData Case(string name, Action<TarWriter> write, string message) => new TestCaseData(write, message).SetArgDisplayNames(name);

    private static void Add(TarWriter tar, string name, byte[] content) =>
        tar.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
}
