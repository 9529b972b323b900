using System.Text;
using CsCheck;
using LayerCake.Testing;
using ZstdSharp;

namespace LayerCake.Provenance.Tests.Archives;

/// <summary>Archives: the same bytes every time, readable by others, and nothing of a hostile one believed.</summary>
[TestFixture]
internal sealed class ArchiveTests
{
    [TestCase(true)]
    [TestCase(false)]
    public void The_same_package_gives_the_same_bytes_in_any_order_and_of_any_age(bool compress)
    {
        using var package = new SmallPackage();
        var first = File.ReadAllBytes(package.Archive(compress));
        foreach (var file in Directory.EnumerateFiles(package.Folder, "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }

        using var second = new MemoryStream();
        PackageArchive.Write(second, "small", package.Entries().Reverse(), compress, CancellationToken.None);

        Assert.That(second.ToArray(), Elements.AreThoseOf(first));
    }

    [Test]
    public void A_compressed_archive_is_the_plain_one_in_frames_of_eight_megabytes()
    {
        var plain = new byte[(2 * ZstdWriteStream.FrameBytes) + 12345];
        new Random(1).NextBytes(plain.AsSpan(0, plain.Length / 2));
        using var packed = new MemoryStream();
        using (var zstd = new ZstdWriteStream(packed))
        {
            // In pieces of odd sizes: frames end where their input is full.
            for (var at = 0; at < plain.Length; at += 1_000_003)
            {
                zstd.Write(plain, at, Math.Min(1_000_003, plain.Length - at));
                zstd.Flush();
            }

            zstd.Finish();
        }

        using var compressor = new Compressor(ZstdWriteStream.Level);
        compressor.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        var expected = plain.Chunk(ZstdWriteStream.FrameBytes).SelectMany(frame => compressor.Wrap(frame).ToArray()).ToArray();
        packed.Position = 0;
        using var unpacked = new MemoryStream();
        using (var decompression = new DecompressionStream(packed))
        {
            decompression.CopyTo(unpacked);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(packed.ToArray().AsSpan().SequenceEqual(expected));
            Assert.That(unpacked.ToArray().AsSpan().SequenceEqual(plain));
        }
    }

    [Test]
    public void Dotnet_s_own_reader_sees_the_entries_as_they_are()
    {
        using var package = new SmallPackage();
        using var file = File.OpenRead(package.Archive(compress: false));
        using var reader = new System.Formats.Tar.TarReader(file);
        var entries = new List<System.Formats.Tar.TarEntry>();
        while (reader.GetNextEntry(copyData: true) is { } entry)
        {
            entries.Add(entry);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(entries.Select(entry => entry.Name.TrimEnd('/')), Is.Ordered.Using((System.Collections.IComparer)StringComparer.Ordinal).And.Unique);
            Assert.That(entries.Select(entry => (entry.Uid, entry.Gid, entry.ModificationTime.ToUnixTimeSeconds())), Is.All.EqualTo((0, 0, 0L)));
            Assert.That(entries.Single(entry => entry.Name == "small/model/weights").LinkName, Is.EqualTo("../weights"));
            Assert.That(entries.Single(entry => entry.Name == "small/serve.sh").Mode & UnixFileMode.UserExecute, Is.Not.EqualTo(UnixFileMode.None));
            Assert.That(entries.Single(entry => entry.Name == "small/empty").Length, Is.Zero);
        }
    }

    [Test]
    public void Names_of_every_length_and_script_come_back()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("content"), "text");
        var segment = Gen.Int[1, 120].SelectMany(length => Gen.Char["abcdefg.-_ äß漢"].Array[length])
            .Select(letters => new string(letters)).Where(name => name is not ("." or "..") && Encoding.UTF8.GetByteCount(name) < 250);
        var path = segment.Array[1, 4].Select(segments => string.Join('/', segments));

        path.Sample(
            name =>
            {
                using var tar = new MemoryStream();
                PackageArchive.Write(tar, "t", [new ArchiveEntry.File(name, folder.At("content"), 4, false), new ArchiveEntry.Link(name + "x", name[(name.LastIndexOf('/') + 1)..])], false, CancellationToken.None);
                tar.Position = 0;
                var ours = ItemsOf(new TarReader(tar, "tar")).Where(item => item.Type != TarFormat.Folder).ToList();
                tar.Position = 0;
                using var reader = new System.Formats.Tar.TarReader(tar);
                var theirs = new List<(string, string)>();
                while (reader.GetNextEntry() is { } entry)
                {
                    if (entry.EntryType != System.Formats.Tar.TarEntryType.Directory)
                    {
                        theirs.Add((entry.Name, entry.LinkName));
                    }
                }

                Assert.That(ours.Select(item => item.Path).Order(StringComparer.Ordinal), Is.EqualTo(new[] { $"t/{name}", $"t/{name}x" }.Order(StringComparer.Ordinal)));
                Assert.That(theirs, Is.EqualTo(ours.Select(item => (item.Path, item.Target))));
            },
            iter: 200);
    }

    [Test]
    public void An_archive_that_another_tar_made_of_a_package_is_taken()
    {
        using var package = new SmallPackage(Keys.P256);
        var path = package.Beside("foreign.tar");
        System.Formats.Tar.TarFile.CreateFromDirectory(package.Folder, path, includeBaseDirectory: false);

        Assert.That(PackageVerifier.Verify(PackageInventory.Read(path), Keys.P256.PublicKey).Findings, Is.Empty);
    }

    [TestCaseSource(nameof(HostileEntries))]
    public void An_entry_that_no_package_holds_is_refused_and_named(Action<System.Formats.Tar.TarWriter> add, string words)
    {
        using var package = new SmallPackage();
        var path = package.Beside("hostile.tar");
        using (var writer = new System.Formats.Tar.TarWriter(File.Create(path), System.Formats.Tar.TarEntryFormat.Pax))
        {
            foreach (var file in PackageInventory.Read(package.Folder).Files)
            {
                writer.WriteEntry(package.At(file.Path), file.Path);
            }

            writer.WriteEntry(package.At(SmallPackage.Link), SmallPackage.Link);
            add(writer);
        }

        Assert.That(
            PackageVerifier.Verify(PackageInventory.Read(path), null).Findings.Select(finding => finding.ToString()),
            Has.Some.Contains(words));
    }

    private static IEnumerable<TestCaseData> HostileEntries()
    {
        static TestCaseData Entry(string name, System.Formats.Tar.TarEntryType type, string words, string target = "") =>
            new TestCaseData(
                (System.Formats.Tar.TarWriter writer) =>
                {
                    var entry = new System.Formats.Tar.PaxTarEntry(type, name);
                    if (target.Length > 0)
                    {
                        entry.LinkName = target;
                    }

                    writer.WriteEntry(entry);
                },
                words).SetArgDisplayNames($"{type} {name} {target}");

        const System.Formats.Tar.TarEntryType file = System.Formats.Tar.TarEntryType.RegularFile;
        yield return Entry("../evil", file, "has a segment '..'");
        yield return Entry("/etc/evil", file, "it is absolute");
        yield return Entry("a\\b", file, "has a backslash");
        yield return Entry("empty", file, "is in the archive twice");
        yield return Entry("weights/a.bin/below", file, "lies below 'weights/a.bin'");
        yield return Entry("model/weights/evil", file, "lies below 'model/weights'");
        yield return Entry("hard", System.Formats.Tar.TarEntryType.HardLink, "is a hard link to '/etc/passwd'", "/etc/passwd");
        yield return Entry("device", System.Formats.Tar.TarEntryType.CharacterDevice, "an entry of type '3'");
        yield return Entry("pipe", System.Formats.Tar.TarEntryType.Fifo, "an entry of type '6'");
        yield return Entry("out", System.Formats.Tar.TarEntryType.SymbolicLink, "leads out of the package", "../../etc");
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_damaged_archive_is_never_sound(bool compress)
    {
        using var package = new SmallPackage();
        var path = package.Archive(compress);
        var whole = File.ReadAllBytes(path);
        var damaged = package.Beside("damaged");
        var sound = package.Verify().Digest;
        var edits = Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte[1, 255], Gen.Bool);

        edits.Sample(
            (at, change, cut) =>
            {
                var bytes = cut ? whole[..at] : [.. whole];
                if (!cut)
                {
                    bytes[at] ^= change;
                }

                File.WriteAllBytes(damaged, bytes);
                try
                {
                    var report = PackageVerifier.Verify(PackageInventory.Read(damaged), null);

                    // A field that carries nothing (an owner, a time, the zeros at the end) may differ; what is sound is the same package.
                    Assert.That(!report.IsSound || report.Digest == sound, $"byte {at}, {(cut ? "cut" : change)}");
                }
                catch (ProvenanceException exception)
                {
                    Assert.That(exception.Message, Does.Contain(damaged));
                }
            },
            iter: 150,
            threads: 1);
    }

    [Test]
    public void Something_appended_to_an_archive_is_refused()
    {
        using var package = new SmallPackage();
        var path = package.Archive(compress: false);
        File.AppendAllText(path, "more");

        Assert.That(() => PackageInventory.Read(path), Throws.TypeOf<ProvenanceException>().With.Message.Contains("something was appended"));
    }

    [Test]
    public void A_text_is_no_archive()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("x.tar"), new string('x', 2000));

        Assert.That(() => PackageInventory.Read(folder.At("x.tar")), Throws.TypeOf<ProvenanceException>().With.Message.Contains("no tar archive"));
        Assert.That(() => PackageInventory.Read(folder.At("nothing")), Throws.TypeOf<ProvenanceException>().With.Message.Contains("does not exist"));
    }

    [Test]
    [Category("Slow")]
    public void A_file_beyond_eight_gibibytes_is_written_and_read_in_bounded_memory()
    {
        const long size = TarFormat.MaxSize + 2;
        using var folder = new TemporaryFolder();
        using (var sparse = File.Create(folder.At("large")))
        {
            sparse.SetLength(size);
        }

        using (var output = File.Create(folder.At("large.tar.zst")))
        {
            PackageArchive.Write(output, "t", [new ArchiveEntry.File("large", folder.At("large"), size, false)], compress: true, CancellationToken.None);
        }

        var file = PackageInventory.Read(folder.At("large.tar.zst")).Files.Single();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.Size, Is.EqualTo(size));
            Assert.That(System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64, Is.LessThan(2L << 30));
        }
    }

    private static IEnumerable<TarItem> ItemsOf(TarReader reader)
    {
        while (reader.Next() is { } item)
        {
            yield return item;
        }
    }
}
