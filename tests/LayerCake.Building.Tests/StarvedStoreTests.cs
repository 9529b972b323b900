using System.Diagnostics;

namespace LayerCake.Building.Tests;

/// <summary>Stores that cannot be written: no rights, no space, a read-only file system.</summary>
public sealed class StarvedStoreTests
{
    private const string Nobody = "65534";

    [Test]
    public async Task A_store_without_the_right_to_write_serves_hits_and_refuses_misses_with_advice()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();
        OpenToAll(fixture);
        MakeReadOnly(fixture.StoreRoot);
        // root may write anywhere, so the build runs as somebody else then.
        string[] user = Environment.IsPrivilegedProcess ? [$"user={Nobody}"] : [];

        var hit = await ChildProcess.RunAsync(fixture, null, user);
        var miss = await ChildProcess.RunAsync(fixture, null, ["scale=5", .. user]);

        Assert.That(hit.ExitCode, Is.Zero, hit.Output);
        Assert.That(hit.Output, Does.Contain("bundle: Cached"));
        Assert.That(miss.ExitCode, Is.EqualTo(1));
        Assert.That(miss.Output, Does.StartWith("cannot lock the store: permission denied: ").And.EndsWith("give this user the right to write there, or choose another folder\n"));
    }

    [Test]
    public async Task A_destination_without_the_right_to_write_is_refused_with_advice()
    {
        using var fixture = new BuildFixture();
        await fixture.RunAsync();
        OpenToAll(fixture);
        Directory.CreateDirectory(fixture.At("locked"));
        File.SetUnixFileMode(fixture.At("locked"), (UnixFileMode)0x16d); // r-xr-xr-x
        if (Environment.IsPrivilegedProcess)
        {
            Chmod("-R", "a+w", fixture.StoreRoot);
        }

        var result = await ChildProcess.RunAsync(
            fixture, null, [$"place={fixture.At("locked", "out")}", .. Environment.IsPrivilegedProcess ? new[] { $"user={Nobody}" } : []]);

        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Output, Does.Contain("cannot write the folder: permission denied: " + fixture.At("locked")));
        Assert.That(Directory.EnumerateFileSystemEntries(fixture.At("locked")), Is.Empty);
    }

    [TestCase("size=256k", "no space left on the device", "scale=600")]
    [TestCase("ro", "the file system is read-only", "scale=1")]
    public async Task A_full_and_a_read_only_disk_are_named_and_leave_nothing_half_written(string mount, string message, string scale)
    {
        using var fixture = new BuildFixture();
        Directory.CreateDirectory(fixture.StoreRoot);
        var start = new ProcessStartInfo("unshare") { RedirectStandardOutput = true, RedirectStandardError = true };
        // A small disk of its own, which nobody else sees and which is gone with the process.
        foreach (var argument in new[]
        {
            "--mount", "--map-root-user", "sh", "-c", """mount -t tmpfs -o "$1" tmpfs "$2" || exit 77; shift 2; "$@"; code=$?; ls "$0/steps/1" "$0/tmp" 2>/dev/null | grep -v : ; exit $code""",
            fixture.StoreRoot, mount, fixture.StoreRoot, "dotnet", ChildProcess.Host, $"store={fixture.StoreRoot}", $"input={fixture.Input}", scale,
        })
        {
            start.ArgumentList.Add(argument);
        }

        (int ExitCode, string Output) result;
        try
        {
            using var process = Process.Start(start)!;
            result = await ChildProcess.EndAsync(process);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("there is no unshare here to make a small disk with");
            return;
        }

        if (result.ExitCode is 77 || result.Output.Contains("unshare"))
        {
            Assert.Ignore("this user may not mount a small disk");
        }

        Assert.That(result.ExitCode, Is.EqualTo(1), result.Output);
        Assert.That(result.Output, Does.Match($"^cannot [^\n]*: {message}: [^\n]+\n$"), "the message alone: no record and nothing temporary is listed");
    }

    [TestCase(28, "no space left on the device", "free some space")]
    [TestCase(30, "the file system is read-only", "choose a folder that can be written")]
    [TestCase(27, "the file is larger than the file system or a limit allows", "ulimit -f")]
    public void What_the_system_refuses_is_said_in_words(int error, string why, string advice)
    {
        var exception = StorageErrors.Explain(new IOException("x", error), "store the output of a step", "/store");

        Assert.That(exception.Message, Does.StartWith($"cannot store the output of a step: {why}: /store; ").And.Contain(advice));
    }

    private static void OpenToAll(BuildFixture fixture)
    {
        Chmod("a+rx", fixture.At());
        Chmod("a+rw", fixture.RunLog, fixture.Input);
    }

    private static void MakeReadOnly(string folder)
    {
        foreach (var inner in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories).Append(folder))
        {
            File.SetUnixFileMode(inner, (UnixFileMode)0x16d); // r-xr-xr-x
        }
    }

    private static void Chmod(params string[] arguments)
    {
        using var process = Process.Start("chmod", arguments);
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero);
    }
}
