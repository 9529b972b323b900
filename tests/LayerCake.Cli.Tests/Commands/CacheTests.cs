using System.Text.Json;
using LayerCake.Testing;

namespace LayerCake.Cli.Tests.Commands;

/// <summary><c>layercake cache</c> as people call it.</summary>
public sealed class CacheTests
{
    private static readonly string[] Steps = ["calibrate", "kv_qparams", "auto_awq", "convert", "package"];

    [Test]
    public void Results_are_listed_with_their_recipe_as_a_table_and_as_json()
    {
        using var folder = new TemporaryFolder();
        UndisturbedBuild.CopyStore(folder);

        var table = LayerCakeCommand.Run(folder.Path, "cache", "ls").Succeeded().Output;
        using var json = JsonDocument.Parse(LayerCakeCommand.Run(folder.Path, "cache", "ls", "--json").Succeeded().Output);

        Assert.That(Steps.All(step => table.Contains($"  {UndisturbedBuild.RecipeName}  {step,-10}  {UndisturbedBuild.KeyOf(step)[..12]}")), Is.True, table);
        Assert.That(table, Does.Match("\n5 results, [0-9.]+ MB in all, shared content counted once\n$"));
        Assert.That(json.RootElement.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("step").GetString()), Is.EquivalentTo(Steps));
    }

    [Test]
    public void A_dry_collection_says_what_would_go_and_a_real_one_does_it()
    {
        using var folder = new TemporaryFolder();
        UndisturbedBuild.CopyStore(folder);
        foreach (var record in Directory.EnumerateFiles(folder.At("artifacts", ".cache", "steps", "1")))
        {
            File.SetLastWriteTimeUtc(record, DateTime.UtcNow.AddDays(-40));
        }

        var before = Snapshot.Of(folder.At("artifacts"));
        var dry = LayerCakeCommand.Run(folder.Path, "cache", "gc", "--keep-for", "30d", "--dryrun").Succeeded().Output;
        Assert.That(Snapshot.Of(folder.At("artifacts")), Is.EqualTo(before));
        var real = LayerCakeCommand.Run(folder.Path, "cache", "gc", "--keep-for", "30d").Succeeded().Output;

        Assert.That(dry, Does.Match("  result   calibrate [0-9a-f]{12} +[0-9.]+ MB  not used for 40 days\n").And.Match("\nwould remove 5, [0-9.]+ MB; 0 results stay, [0-9.]+ MB\n$"));
        Assert.That(real, Is.EqualTo(dry.Replace("would remove", "removed")));
        Assert.That(Directory.EnumerateFiles(folder.At("artifacts", ".cache", "cas"), "*", SearchOption.AllDirectories), Is.Empty);
    }

    [Test]
    public void A_lock_record_that_cannot_be_read_stops_a_collection()
    {
        using var folder = new TemporaryFolder();
        UndisturbedBuild.CopyStore(folder);
        Directory.CreateDirectory(folder.At("recipes"));
        File.WriteAllText(folder.At("recipes", "demo.lock"), "{");

        var result = LayerCakeCommand.Run(folder.Path, "cache", "gc", "--max-size", "0B");

        Assert.That(result.ExitCode, Is.Not.Zero.And.Not.EqualTo((int)ExitCode.Fault));
        Assert.That(result.Error, Does.Contain("demo.lock"));
    }

    [TestCase("--max-size", "50", "--max-size takes a size such as 50GB, 500MB or 20GiB, not '50'.")]
    [TestCase("--max-size", "-1GB", "not '-1GB'")]
    [TestCase("--min-free", "1e9GB", "not '1e9GB'")]
    [TestCase("--keep-for", "30", "--keep-for takes a span of time such as 30d, 12h or 2w, not '30'.")]
    public void A_limit_that_means_nothing_is_refused(string option, string value, string message)
    {
        using var folder = new TemporaryFolder();

        LayerCakeCommand.Run(folder.Path, "cache", "gc", $"{option}={value}").WasRefusedWith(ExitCode.Usage, Does.Contain(message));
    }

    [Test]
    public void Damage_is_found_and_mended_by_the_next_build()
    {
        using var folder = new TemporaryFolder();
        UndisturbedBuild.CopyStore(folder);
        var blob = Directory.EnumerateFiles(folder.At("artifacts", ".cache", "cas"), "*", SearchOption.AllDirectories).First(path => new FileInfo(path).Length > 100);
        Assert.That(LayerCakeCommand.Run(folder.Path, "cache", "verify").Succeeded().Output, Does.EndWith(": all is as it was stored\n"));
        File.SetUnixFileMode(blob, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using (var stream = File.OpenWrite(blob))
        {
            stream.Position = 50;
            stream.WriteByte(0x5a);
            stream.WriteByte(0xa5);
        }

        var result = LayerCakeCommand.Run(folder.Path, "cache", "verify");

        Assert.That(result.ExitCode, Is.EqualTo((int)ExitCode.Storage));
        Assert.That(result.Output, Does.StartWith($"damaged: content {Path.GetFileName(blob)}\nremoved: "));
        Assert.That(LayerCakeCommand.Run(folder.Path, "cache", "verify").Succeeded().Output, Does.EndWith(": all is as it was stored\n"));
    }

    [Test]
    public void Results_travel_as_a_file()
    {
        using var source = new TemporaryFolder();
        using var target = new TemporaryFolder();
        UndisturbedBuild.CopyStore(source);

        LayerCakeCommand.Run(source.Path, "cache", "export", "all.tar").Succeeded();
        LayerCakeCommand.Run(source.Path, "cache", "export", "recipe.tar", "--recipe", UndisturbedBuild.RecipeName).Succeeded();
        LayerCakeCommand.Run(source.Path, "cache", "export", "key.tar", "--key", UndisturbedBuild.KeyOf("package")[..12]).Succeeded();
        Assert.That(File.ReadAllBytes(source.At("recipe.tar")), Elements.AreThoseOf(File.ReadAllBytes(source.At("all.tar"))));
        Assert.That(File.ReadAllBytes(source.At("key.tar")), Elements.AreThoseOf(File.ReadAllBytes(source.At("all.tar"))), "the package comes from all of them");

        var imported = LayerCakeCommand.Run(target.Path, "cache", "import", source.At("all.tar")).Succeeded().Output;
        Assert.That(imported, Does.Match("^5 results, [0-9]+ files, [0-9.]+ MB; 0 of the results were here already\n$"));
        Assert.That(UndisturbedBuild.AssertCompletes(target).Output, Does.Not.Contain(" ran "));
    }

    [TestCase("the store has no result of a recipe 'internlm-tiny'", "--recipe", "internlm-tiny")]
    [TestCase("takes at least 6 digits", "--key", "ab")]
    [TestCase("no result whose key begins with", "--key", "ffffffffffff")]
    public void An_export_of_what_is_not_there_is_refused(string message, string option, string value)
    {
        using var folder = new TemporaryFolder();
        UndisturbedBuild.CopyStore(folder);

        LayerCakeCommand.Run(folder.Path, "cache", "export", "x.tar", option, value).WasRefusedWith(ExitCode.Usage, Does.Contain(message).IgnoreCase);
        Assert.That(File.Exists(folder.At("x.tar")), Is.False);
    }

    [Test]
    public void An_import_of_what_is_no_archive_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("x.tar"), "hello");

        LayerCakeCommand.Run(folder.Path, "cache", "import", "x.tar").WasRefusedWith(ExitCode.Storage, Does.Contain("cannot import x.tar: "));
        LayerCakeCommand.Run(folder.Path, "cache", "import", "y.tar").WasRefusedWith(ExitCode.Storage, Does.Contain("there is no such file"));
    }
}
