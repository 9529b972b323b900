using System.Diagnostics;

namespace LayerCake.Building.Tests;

/// <summary>One store for several users, and for several hosts.</summary>
public sealed class CommonStoreTests
{
    [Test]
    public async Task Two_users_build_into_one_store_and_each_takes_the_other_s_results()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            Assert.Ignore("becoming two other users needs root");
        }

        using var fixture = new BuildFixture();
        Directory.CreateDirectory(fixture.StoreRoot);
        // For all here, since the two have no group in common; each has the usual umask, which would close what it makes to the other.
        File.SetUnixFileMode(fixture.StoreRoot, (UnixFileMode)0x1ff); // rwxrwxrwx
        File.SetUnixFileMode(fixture.At(), (UnixFileMode)0x1ff);
        File.WriteAllText(fixture.RunLog, "");
        File.SetUnixFileMode(fixture.RunLog, (UnixFileMode)0x1b6); // rw-rw-rw-

        var one = await ChildProcess.RunAsync(fixture, null, "user=65534", "scale=2");
        var two = await ChildProcess.RunAsync(fixture, null, "user=65533", "scale=3");
        var back = await ChildProcess.RunAsync(fixture, null, "user=65534", "scale=3");
        var again = await ChildProcess.RunAsync(fixture, null, "user=65533", "scale=2");
        var killed = await ChildProcess.RunAsync(fixture, FaultPoints.StepStarted, "user=65534", "scale=4");
        var after = await ChildProcess.RunAsync(fixture, null, "user=65533", "scale=4");
        var collected = await ChildProcess.RunAsync(fixture, null, "user=65533", "gc=", "later=3");

        Assert.That(new[] { one, two, back, again, after, collected }.Select(run => (run.ExitCode, run.Output)), Is.All.Matches<(int ExitCode, string Output)>(run => run.ExitCode == 0));
        Assert.That(killed.ExitCode, Is.EqualTo(128 + 9), killed.Output);
        Assert.That(back.Output, Does.Contain("numbers: Cached").And.Contain("bundle: Cached"));
        Assert.That(again.Output, Does.Contain("numbers: Cached").And.Contain("bundle: Cached"));
        Assert.That(after.Output, Does.Contain("numbers: Ran"), "the lock of the killed one is free to the other user");
        Assert.That(collected.Output, Does.Contain("removed 9"));
    }

    [Test]
    public async Task A_hit_on_another_user_s_result_counts_as_a_use()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            Assert.Ignore("becoming two other users needs root");
        }

        using var fixture = new BuildFixture();
        Directory.CreateDirectory(fixture.StoreRoot);
        File.SetUnixFileMode(fixture.StoreRoot, (UnixFileMode)0x1ff); // rwxrwxrwx
        File.SetUnixFileMode(fixture.At(), (UnixFileMode)0x1ff);
        File.WriteAllText(fixture.RunLog, "");
        File.SetUnixFileMode(fixture.RunLog, (UnixFileMode)0x1b6); // rw-rw-rw-
        await ChildProcess.RunAsync(fixture, null, "user=65534");
        var records = Directory.GetFiles(Path.Combine(fixture.StoreRoot, "steps", "1"));
        foreach (var record in records)
        {
            File.SetLastWriteTimeUtc(record, DateTime.UtcNow.AddDays(-9));
        }

        var hit = await ChildProcess.RunAsync(fixture, null, "user=65533");

        Assert.That(hit.Output, Does.Contain("bundle: Cached"));
        Assert.That(records.Select(File.GetLastWriteTimeUtc), Is.All.GreaterThan(DateTime.UtcNow.AddDays(-1)));
    }

    [Test]
    public async Task Two_hosts_on_one_folder_run_each_step_once_and_say_for_whom_they_wait()
    {
        using var fixture = new BuildFixture();
        File.WriteAllText(fixture.At("gate"), "");
        using var first = OnHost("first-host", fixture);
        await ChildProcess.UntilAsync(() => File.Exists(fixture.RunLog) || first.HasExited, "the first host runs its first step");
        if (first.HasExited)
        {
            Assert.Ignore("this user may not make a host of its own: " + await first.StandardError.ReadToEndAsync());
        }

        using var second = OnHost("second-host", fixture);
        var line = await second.StandardOutput.ReadLineAsync();
        File.Delete(fixture.At("gate"));
        var results = await Task.WhenAll(ChildProcess.EndAsync(first), ChildProcess.EndAsync(second));

        Assert.That(line, Does.Match("^waiting for numbers: (unknown|process [0-9]+ on first-host, .*)$"));
        Assert.That(results.Select(result => result.ExitCode), Is.All.Zero, results[0].Output + results[1].Output);
        Assert.That(fixture.Runs(), Is.EquivalentTo(new[] { "numbers", "sums", "bundle" }));
    }

    [Test]
    public void What_another_host_writes_without_locks_is_left_alone_for_a_day()
    {
        using var fixture = new BuildFixture();
        var area = Directory.CreateDirectory(Path.Combine(fixture.StoreRoot, "tmp", "build-other"));
        File.WriteAllText(Path.Combine(area.FullName, "1"), "half a file");
        // A file system without locks: nothing says that its owner lives, except what it wrote.
        File.WriteAllText(area.FullName + ".alive", """{"host":"elsewhere","pid":1,"process_started":"2026-01-01T00:00:00Z","since":"2026-01-01T00:00:00Z"}""");
        using var store = fixture.Open();

        store.Sweep();
        Assert.That(File.Exists(Path.Combine(area.FullName, "1")), Is.True);

        File.SetLastWriteTimeUtc(area.FullName + ".alive", DateTime.UtcNow.AddDays(-2));
        store.Sweep();
        Assert.That(area.Exists && Directory.Exists(area.FullName), Is.False);
    }

    private static Process OnHost(string name, BuildFixture fixture)
    {
        var start = new ProcessStartInfo("unshare") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[]
        {
            "--uts", "--map-root-user", "sh", "-c", "hostname \"$0\" && exec \"$@\"", name,
            "dotnet", ChildProcess.Host, $"store={fixture.StoreRoot}", $"input={fixture.Input}", $"log={fixture.RunLog}", $"gate={fixture.At("gate")}",
        })
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("there is no unshare here");
            throw;
        }
    }
}
