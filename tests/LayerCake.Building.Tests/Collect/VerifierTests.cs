namespace LayerCake.Building.Tests;

/// <summary>A verification reads everything, whatever is remembered of it.</summary>
public sealed class VerifierTests
{
    [Test]
    public async Task A_sound_store_is_said_to_be_and_left_alone()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var before = Disk.DescribeStore(fixture.StoreRoot);
        using var store = fixture.Open();

        var report = await new StoreVerifier(store).VerifyAsync();

        Assert.That(report.IsSound, Is.True);
        Assert.That(report.Contents, Is.EqualTo(results.SelectMany(result => result.Tree.Entries.OfType<TreeEntry.File>()).Select(file => file.Content).Distinct().Count()));
        Assert.That(Disk.DescribeStore(fixture.StoreRoot), Is.EqualTo(before));
    }

    [Test]
    public async Task Damage_is_found_named_and_put_out_of_the_way_though_size_and_times_are_as_they_were()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        var damaged = fixture.BlobOf(results[0], "parts/2.txt");
        Disk.FlipByte(damaged, keepTime: true);
        File.Delete(fixture.BlobOf(results[1], "sum"));
        VerifyReport report;
        using (var store = fixture.Open())
        {
            report = await new StoreVerifier(store).VerifyAsync();
        }

        Assert.That(report.Damaged.Select(digest => digest.ToString()), Is.EqualTo(new[] { Path.GetFileName(damaged) }));
        Assert.That(report.RemovedRecords, Has.Exactly(1).Match($"^numbers {results[0].Key.Short}: content [0-9a-f]{{12}} is missing$"));
        Assert.That(report.RemovedRecords, Has.Exactly(1).Match($"^sums {results[1].Key.Short}: "));
        Assert.That(Directory.EnumerateFiles(Path.Combine(fixture.StoreRoot, "quarantine")).Count(), Is.EqualTo(1));
        Assert.That((await fixture.RunAsync()).Select(result => result.Tree.Digest), Is.EqualTo(results.Select(result => result.Tree.Digest)));
        SharedFixture.AssertSound(fixture);
    }

    [Test]
    public async Task A_damaged_record_is_removed()
    {
        using var fixture = new BuildFixture();
        var results = await fixture.RunAsync();
        File.WriteAllText(Path.Combine(fixture.StoreRoot, "steps", "1", $"{results[1].Key}.json"), "{}");
        using var store = fixture.Open();

        var report = await new StoreVerifier(store).VerifyAsync();

        Assert.That(report.RemovedRecords, Is.EqualTo(new[] { $"{results[1].Key.Short}: its record is damaged" }));
        Assert.That((await new StoreVerifier(store).VerifyAsync()).IsSound, Is.True);
    }
}
