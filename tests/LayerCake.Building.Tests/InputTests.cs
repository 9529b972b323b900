namespace LayerCake.Building.Tests;

public sealed class InputTests
{
    [Test]
    public void A_folder_is_known_by_the_names_and_digests_that_sha256sum_prints()
    {
        using var fixture = Folder(out var folder);

        var fingerprint = Take(fixture, folder);

        Assert.That(fingerprint.Files.Select(file => file.Key.Value), Is.EqualTo(new[] { "B", "a", "sub/c" }));
        Assert.That(fingerprint.Digest, Is.EqualTo(Digest.Of($"{Digest.Of("b")}  B\n{Digest.Of("a")}  a\n{Digest.Of("c")}  sub/c\n")));
    }

    [Test]
    public void Hidden_files_and_those_left_out_do_not_count()
    {
        using var fixture = Folder(out var folder);
        var before = Take(fixture, folder);
        Directory.CreateDirectory(Path.Combine(folder, ".git"));
        File.WriteAllText(Path.Combine(folder, ".git", "config"), "x");
        File.WriteAllText(Path.Combine(folder, ".hidden"), "x");
        File.WriteAllText(Path.Combine(folder, "README.md"), "x");

        Assert.That(Take(fixture, folder, path => path.Value != "README.md").Digest, Is.EqualTo(before.Digest));
        Assert.That(Take(fixture, folder).Digest, Is.Not.EqualTo(before.Digest));
    }

    [Test]
    public void A_link_to_a_file_counts_as_the_file()
    {
        using var fixture = Folder(out var folder);
        var before = Take(fixture, folder);
        File.Move(Path.Combine(folder, "a"), fixture.At("elsewhere"));
        File.CreateSymbolicLink(Path.Combine(folder, "a"), fixture.At("elsewhere"));

        Assert.That(Take(fixture, folder).Digest, Is.EqualTo(before.Digest));
    }

    [Test]
    public void A_link_to_a_folder_is_refused()
    {
        using var fixture = Folder(out var folder);
        Directory.CreateSymbolicLink(Path.Combine(folder, "loop"), folder);

        Assert.That(() => Take(fixture, folder), Throws.InstanceOf<BuildException>().With.Message.Contains("is a link to a folder"));
    }

    [Test]
    public void A_folder_for_a_file_and_a_file_for_a_folder_are_refused()
    {
        using var fixture = Folder(out var folder);
        using var store = fixture.Open();

        Assert.That(() => InputFingerprint.Take(StepInput.File("data", folder), store.Stats, CancellationToken.None), Throws.InstanceOf<BuildException>().With.Message.EqualTo($"the input 'data' is a folder, not a file: {folder}"));
        Assert.That(() => InputFingerprint.Take(StepInput.Folder("model", fixture.Input), store.Stats, CancellationToken.None), Throws.InstanceOf<BuildException>().With.Message.EqualTo($"the input 'model' is a file, not a folder: {fixture.Input}"));
        Assert.That(() => InputFingerprint.Take(StepInput.Folder("model", fixture.At("none")), store.Stats, CancellationToken.None), Throws.InstanceOf<BuildException>().With.Message.EqualTo($"the input 'model' is missing: there is no folder {fixture.At("none")}"));
    }

    [Test]
    public void What_changed_is_named()
    {
        using var fixture = Folder(out var folder);
        using var store = fixture.Open();
        var fingerprint = Take(fixture, folder);
        Assert.That(fingerprint.FindChange(store.Stats, CancellationToken.None), Is.Null);

        File.WriteAllText(Path.Combine(folder, "new"), "x");
        Assert.That(fingerprint.FindChange(store.Stats, CancellationToken.None), Is.EqualTo($"{Path.Combine(folder, "new")} changed"));

        File.Delete(Path.Combine(folder, "new"));
        File.Delete(Path.Combine(folder, "sub", "c"));
        Assert.That(fingerprint.FindChange(store.Stats, CancellationToken.None), Is.EqualTo($"{Path.Combine(folder, "sub", "c")} is gone"));
    }

    private static BuildFixture Folder(out string folder)
    {
        var fixture = new BuildFixture();
        folder = fixture.At("model");
        Directory.CreateDirectory(Path.Combine(folder, "sub"));
        File.WriteAllText(Path.Combine(folder, "a"), "a");
        File.WriteAllText(Path.Combine(folder, "B"), "b");
        File.WriteAllText(Path.Combine(folder, "sub", "c"), "c");
        return fixture;
    }

    private static InputFingerprint Take(BuildFixture fixture, string folder, Func<RelativePath, bool>? include = null)
    {
        using var store = fixture.Open();
        return InputFingerprint.Take(StepInput.Folder("model", folder, include), store.Stats, CancellationToken.None);
    }
}
