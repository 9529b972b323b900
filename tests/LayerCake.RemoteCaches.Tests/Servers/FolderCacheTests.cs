using System.Diagnostics;

namespace LayerCake.RemoteCaches.Tests;

/// <summary>What only a folder can get wrong.</summary>
[TestFixture]
internal sealed class FolderCacheTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public async Task Content_and_entries_lie_where_the_documentation_says_and_nothing_else_does()
    {
        using var cache = Open();
        var contents = Contents.New(100);
        var hex = contents.Digest.ToString();
        await cache.PutAsync(contents);
        await cache.PutEntryAsync(contents.Digest, "{}"u8.ToArray(), default);
        Assert.That(
            Directory.EnumerateFiles(_folder.At("cache"), "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_folder.At("cache"), file)),
            Is.EquivalentTo(new[] { $"cas/sha256/{hex[..2]}/{hex}", $"ac/1/{hex}.json" }));
    }

    [Test]
    public async Task Reading_makes_nothing()
    {
        using var cache = Open();
        Assert.That(await cache.GetEntryAsync(Contents.NewKey(), 10, default), Is.Null);
        Assert.That(await cache.FindMissingAsync([Contents.New(3).Question], default), Has.Count.EqualTo(1));
        Assert.That(Directory.Exists(_folder.At("cache")), Is.False);
    }

    [Test]
    public void A_share_that_is_not_mounted_is_not_filled_in_its_place()
    {
        using var cache = RemoteCaches.Open(_folder.At("share", "cache"), Reading.Impatient());
        Assert.That(() => cache.PutAsync(Contents.New(3)), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("is the share mounted?"));
        Assert.That(Directory.Exists(_folder.At("share")), Is.False);
    }

    [Test]
    public void A_file_in_the_place_of_the_folder_is_an_error()
    {
        File.WriteAllText(_folder.At("cache"), "");
        using var cache = Open();
        Assert.That(() => cache.PutAsync(Contents.New(3)), Throws.TypeOf<RemoteCacheException>().With.Message.StartsWith("cannot write"));
    }

    [Test]
    public async Task Temporary_files_that_nobody_writes_any_more_are_removed()
    {
        Directory.CreateDirectory(_folder.At("cache", "tmp"));
        foreach (var (name, age) in new[] { ("old", 3.0), ("new", 1.0) })
        {
            File.WriteAllText(_folder.At("cache", "tmp", name), "");
            File.SetLastWriteTimeUtc(_folder.At("cache", "tmp", name), DateTime.UtcNow - TimeSpan.FromDays(age));
        }

        using var cache = Open();
        await cache.PutAsync(Contents.New(3));
        Assert.That(Directory.EnumerateFiles(_folder.At("cache", "tmp")).Select(Path.GetFileName), Is.EqualTo(new[] { "new" }));
    }

    [Test]
    public async Task A_pipe_or_a_folder_in_the_place_of_content_does_not_stop_a_build()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("no named pipes in folders");
        }

        using var cache = Open();
        var (pipe, folder) = (Contents.New(5), Contents.New(6));
        foreach (var (contents, command) in new[] { (pipe, "mkfifo"), (folder, "mkdir") })
        {
            var path = _folder.At("cache", "cas", "sha256", $"{contents.Digest}"[..2], $"{contents.Digest}");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var process = Process.Start(command, path);
            await process.WaitForExitAsync();
        }

        Assert.That(() => cache.GetAsync(pipe.Digest, 5), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("0 bytes where 5 belong"));
        Assert.That(await cache.GetAsync(pipe.Digest, 0), Is.Empty);
        Assert.That(await cache.GetAsync(folder.Digest, 6), Is.Null);
    }

    [Test]
    public async Task A_link_to_content_is_followed_and_one_to_nothing_is_nothing()
    {
        using var cache = Open();
        var (linked, broken) = (Contents.New(5), Contents.New(6));
        File.WriteAllBytes(_folder.At("elsewhere"), linked.Bytes);
        foreach (var (contents, target) in new[] { (linked, "elsewhere"), (broken, "nowhere") })
        {
            var path = _folder.At("cache", "cas", "sha256", $"{contents.Digest}"[..2], $"{contents.Digest}");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.CreateSymbolicLink(path, _folder.At(target));
        }

        Assert.That(await cache.GetAsync(linked.Digest, 5), Is.EqualTo(linked.Bytes));
        Assert.That(await cache.GetAsync(broken.Digest, 6), Is.Null);
    }

    private IRemoteCache Open() => RemoteCaches.Open(_folder.At("cache"), Reading.Impatient());
}
