namespace LayerCake.RemoteCaches.Tests;

/// <summary>What every kind of cache promises, on real servers.</summary>
[TestFixture(CacheKind.Folder)]
[TestFixture(CacheKind.S3)]
[TestFixture(CacheKind.Http)]
[TestFixture(CacheKind.HttpWithPassword)]
internal sealed class RoundTripTests(CacheKind kind)
{
    private TemporaryFolder _folder = null!;
    private IRemoteCache _cache = null!;

    [OneTimeSetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        _cache = kind.Open(_folder.At("cache"));
    }

    [OneTimeTearDown]
    public void Close()
    {
        _cache?.Dispose();
        _folder.Dispose();
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(1000)]
    [TestCase((1 << 20) + 1)]
    [TestCase(43_000_001)]
    public async Task Content_comes_back_as_it_was(int size)
    {
        var contents = Contents.New(size);
        Assert.That(size == 0 || await _cache.GetAsync(contents.Digest, size) is null);
        await _cache.PutAsync(contents);
        var back = await _cache.GetAsync(contents.Digest, size);
        Assert.That(back!.AsSpan().SequenceEqual(contents.Bytes));
        Assert.That(await _cache.FindMissingAsync([contents.Question], default), Is.Empty);
    }

    [Test]
    public async Task Content_may_be_put_twice()
    {
        var contents = Contents.New(9_000_000);
        await _cache.PutAsync(contents);
        await _cache.PutAsync(contents);
        Assert.That((await _cache.GetAsync(contents.Digest, contents.Size))!.AsSpan().SequenceEqual(contents.Bytes));
    }

    [Test]
    public async Task A_source_that_cannot_seek_will_do()
    {
        foreach (var size in new[] { 100_000, 12_000_000 })
        {
            var contents = Contents.New(size);
            await _cache.PutContentAsync(contents.Digest, size, () => new System.IO.Compression.BrotliStream(Compressed(contents.Bytes), System.IO.Compression.CompressionMode.Decompress), default);
            Assert.That((await _cache.GetAsync(contents.Digest, size))!.AsSpan().SequenceEqual(contents.Bytes));
        }
    }

    [Test]
    public async Task Entries_are_written_over()
    {
        var key = Contents.NewKey();
        Assert.That(await _cache.GetEntryAsync(key, 100, default), Is.Null);
        await _cache.PutEntryAsync(key, "{\"a\":1}"u8.ToArray(), default);
        Assert.That(await _cache.GetEntryAsync(key, 100, default), Is.EqualTo("{\"a\":1}"u8.ToArray()));
        await _cache.PutEntryAsync(key, "{}"u8.ToArray(), default);
        Assert.That(await _cache.GetEntryAsync(key, 100, default), Is.EqualTo("{}"u8.ToArray()));
        Assert.That(() => _cache.GetEntryAsync(key, 1, default), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("longer than the 1 bytes"));
    }

    [Test]
    public async Task Entries_and_content_of_one_digest_are_two_things()
    {
        var contents = Contents.New(10);
        await _cache.PutAsync(contents);
        Assert.That(await _cache.GetEntryAsync(contents.Digest, 100, default), Is.Null);
    }

    [Test]
    public async Task What_is_missing_is_told_in_order_among_much_that_is_there()
    {
        var there = Enumerable.Range(0, 12).Select(i => Contents.New(i + 1)).ToArray();
        await Task.WhenAll(there.Select(_cache.PutAsync));
        var missing = Enumerable.Range(0, 12).Select(_ => Contents.New(10)).ToArray();
        var questions = there.Zip(missing, (a, b) => new[] { a.Question, b.Question }).SelectMany(pair => pair).ToArray();
        Assert.That(await _cache.FindMissingAsync(questions, default), Is.EqualTo(missing.Select(each => each.Digest)));
        Assert.That(await _cache.FindMissingAsync([], default), Is.Empty);
    }

    [Test]
    public async Task Another_size_than_the_server_has_is_refused_and_counts_as_missing()
    {
        var contents = Contents.New(1000);
        await _cache.PutAsync(contents);
        Assert.That(() => _cache.GetAsync(contents.Digest, 999), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("1,000 bytes where 999 belong"));
        Assert.That(() => _cache.GetAsync(contents.Digest, 1001), Throws.TypeOf<RemoteCacheException>().With.Message.Contains("1,000 bytes where 1,001 belong"));
        Assert.That(await _cache.FindMissingAsync([new(contents.Digest, 999)], default), Is.EqualTo(new[] { contents.Digest }));
    }

    [TestCase(1_000_000)]
    [TestCase(30_000_000)]
    public async Task An_upload_whose_source_breaks_leaves_nothing(int size)
    {
        var contents = Contents.New(size);
        Assert.That(
            () => _cache.PutContentAsync(contents.Digest, size, () => new BreakingStream(contents.Open(), size / 2, () => throw new IOException("unreadable")), default),
            Throws.TypeOf<IOException>().With.Message.EqualTo("unreadable"));
        Assert.That(await _cache.GetAsync(contents.Digest, size), Is.Null);
    }

    [TestCase(1_000_000)]
    [TestCase(30_000_000)]
    public async Task An_upload_cancelled_half_way_leaves_nothing(int size)
    {
        var contents = Contents.New(size);
        using var cancel = new CancellationTokenSource();
        Assert.That(
            () => _cache.PutContentAsync(contents.Digest, size, () => new BreakingStream(contents.Open(), size / 2, cancel.Cancel), cancel.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await _cache.GetAsync(contents.Digest, size), Is.Null);
        Assert.That(await _cache.FindMissingAsync([contents.Question], default), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Many_transfers_at_once_do_not_mix()
    {
        var all = Enumerable.Range(0, 12).Select(i => Contents.New(200_000 + i)).ToArray();
        await Task.WhenAll(all.Select(_cache.PutAsync));
        var back = await Task.WhenAll(all.Select(each => _cache.GetAsync(each.Digest, each.Size)));
        Assert.That(back, Is.EqualTo(all.Select(each => each.Bytes)));
    }

    private static MemoryStream Compressed(byte[] bytes)
    {
        var compressed = new MemoryStream();
        using (var brotli = new System.IO.Compression.BrotliStream(compressed, System.IO.Compression.CompressionLevel.NoCompression, leaveOpen: true))
        {
            brotli.Write(bytes);
        }

        compressed.Position = 0;
        return compressed;
    }
}
