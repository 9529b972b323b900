namespace LayerCake.Building.Tests;

public sealed class StatCacheTests
{
    [Test]
    public void A_file_changed_long_before_it_was_hashed_is_remembered_over_a_restart()
    {
        using var fixture = new BuildFixture();
        var stat = FileStat.Of(fixture.Input)!.Value;
        Digest digest;
        using (var store = Late(fixture))
        {
            digest = store.Stats.DigestOf(fixture.Input, CancellationToken.None);
            store.Stats.Save();
        }

        using var again = fixture.Open();

        Assert.That(digest, Is.EqualTo(Digest.Of("one two three\n")));
        Assert.That(again.Stats.Find(stat), Is.EqualTo(digest));
    }

    [Test]
    public void A_file_changed_just_before_it_was_hashed_is_not_trusted()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        File.WriteAllText(fixture.Input, "fresh");

        store.Stats.DigestOf(fixture.Input, CancellationToken.None);

        Assert.That(store.Stats.Find(FileStat.Of(fixture.Input)!.Value), Is.Null);
    }

    [Test]
    public void A_change_of_content_with_size_and_modification_time_kept_is_seen()
    {
        using var fixture = new BuildFixture();
        using var store = Late(fixture);
        var before = store.Stats.DigestOf(fixture.Input, CancellationToken.None);

        Disk.FlipByte(fixture.Input, keepTime: true);

        Assert.That(store.Stats.DigestOf(fixture.Input, CancellationToken.None), Is.Not.EqualTo(before));
    }

    [Test]
    public void A_touched_or_renamed_file_keeps_its_digest()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();
        var before = store.Stats.DigestOf(fixture.Input, CancellationToken.None);
        File.SetLastWriteTimeUtc(fixture.Input, DateTime.UtcNow);
        File.Move(fixture.Input, fixture.Input + "2");

        Assert.That(store.Stats.DigestOf(fixture.Input + "2", CancellationToken.None), Is.EqualTo(before));
    }

    [TestCase(20)]
    [TestCase(100)]
    public void A_damaged_cache_counts_as_empty(int at)
    {
        using var fixture = new BuildFixture();
        using (var store = Late(fixture))
        {
            store.Stats.DigestOf(fixture.Input, CancellationToken.None);
            store.Stats.Save();
        }

        var path = Path.Combine(fixture.StoreRoot, "stat", "1");
        var content = File.ReadAllBytes(path);
        content[at] ^= 1;
        File.WriteAllBytes(path, content);

        using var again = fixture.Open();
        Assert.That(again.Stats.Find(FileStat.Of(fixture.Input)!.Value), Is.Null);
    }

    [Test]
    public void Two_writers_keep_what_the_other_wrote()
    {
        using var fixture = new BuildFixture();
        File.WriteAllText(fixture.At("second"), "2");
        using (var one = Late(fixture))
        using (var two = Late(fixture))
        {
            one.Stats.DigestOf(fixture.Input, CancellationToken.None);
            two.Stats.DigestOf(fixture.At("second"), CancellationToken.None);
            one.Stats.Save();
            two.Stats.Save();
        }

        using var again = fixture.Open();
        Assert.That(again.Stats.Find(FileStat.Of(fixture.Input)!.Value), Is.Not.Null);
        Assert.That(again.Stats.Find(FileStat.Of(fixture.At("second"))!.Value), Is.Not.Null);
    }

    [Test]
    public void A_file_that_is_not_there_is_named()
    {
        using var fixture = new BuildFixture();
        using var store = fixture.Open();

        Assert.That(() => store.Stats.DigestOf(fixture.At("none"), CancellationToken.None), Throws.InstanceOf<BuildException>().With.Message.Contains(fixture.At("none")));
    }

    [Test]
    public void What_the_file_system_says_is_what_NET_says()
    {
        using var fixture = new BuildFixture();

        var stat = FileStat.Of(fixture.Input)!.Value;

        Assert.That(stat.Size, Is.EqualTo(new FileInfo(fixture.Input).Length));
        Assert.That(stat.ModifiedNanoseconds, Is.EqualTo((File.GetLastWriteTimeUtc(fixture.Input) - DateTime.UnixEpoch).Ticks * 100));
        Assert.That(FileStat.Of(fixture.At()), Is.Null, "a folder is not a file");
        File.CreateSymbolicLink(fixture.At("link"), fixture.Input);
        Assert.That(FileStat.Of(fixture.At("link")), Is.EqualTo(stat));
    }

    // A store whose clock is an hour ahead: everything on the disk was changed long ago.
    private static ArtifactStore Late(BuildFixture fixture) => ArtifactStore.Open(fixture.StoreRoot, new StoreOptions { Time = new LateClock() });

    private sealed class LateClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow.AddHours(1);
    }
}
